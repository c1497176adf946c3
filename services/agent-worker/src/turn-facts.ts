import { toolCallEndOf, type Bus, type CallFacts, type TurnFacts } from "@parley/bus";
import {
  fitToolCallEnd,
  messageIdOf,
  subjects,
  type CallId,
  type FactOf,
  type StepCall,
  type TurnRequest,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { foldEvent, type RebuiltStep, type TurnFold } from "./turn-fold.ts";

export interface TurnFactDeps {
  readonly bus: Pick<Bus, "events" | "facts">;
  readonly log: Logger;
  /** The message, which is the first event of a turn: while it is kept, so is all that came after it. */
  readonly wasMissing: boolean;
  /** Of these calls it is known that they have no result. */
  readonly openCalls?: ReadonlySet<CallId> | undefined;
}

/** For a request to cancel that says no more than that it is one. */
export const unknownReason = "cancelled";

function saidOf({ conversation_id, turn_id, accepted_at, id, user, message }: TurnRequest): FactOf<"said"> {
  const author = { role: "user" as const, id: user.id, ...(user.name === undefined ? {} : { name: user.name }) };
  const common = { kind: "said" as const, v: 1, conversation_id, turn_id, ts: accepted_at };
  return { ...common, id, message_id: messageIdOf(turn_id, "user"), author, message };
}

const noCalls: ReadonlySet<CallId> = new Set();

/** The step and the place in it that a call's name says; see `callIdOf`. */
function placeOf(call: CallId): { readonly step: number; readonly index: number } {
  const [step, index] = call.split("-").slice(-2).map(Number);
  return { step: step ?? 0, index: index ?? 0 };
}

/** A call as its facts know it. Of one whose licence alone is there the arguments may be shortened: it is never run with them. */
function callOf(call_id: CallId, { begun, result }: CallFacts): StepCall {
  const known = result?.kind === "result" ? result : begun?.kind === "begun" ? begun : undefined;
  return { call_id, tool_name: known?.tool_name ?? "unknown tool", arguments: known?.arguments ?? {} };
}

/** The steps that the facts know of and the chain does not, from the first that it lacks on. */
function stepsBeyond(calls: TurnFacts["calls"], known: number): RebuiltStep[] {
  const steps = new Map<number, StepCall[]>();
  for (const [id, facts] of calls) {
    const { step } = placeOf(id);
    if (step >= known) steps.set(step, [...(steps.get(step) ?? []), callOf(id, facts)]);
  }
  return [...steps].map(([step, its]) => ({ step, calls: its })).toSorted((a, b) => a.step - b.step);
}

/**
 * Adds to the fold what was decided of the turn and its events may not say any more: a cancel, finished calls, and the steps of calls whose step is
 * forgotten. Whoever finds a result without its event writes the event; a message that an older edge has not noted is noted.
 */
export async function foldFacts(request: TurnRequest, fold: TurnFold, deps: TurnFactDeps): Promise<void> {
  const { bus, log, wasMissing, openCalls } = deps;
  const { facts } = bus;
  const { conversation_id: conversation, turn_id: turn } = request;
  // Else each turn that a stopping worker gives back would be looked for in dozens of places.
  const isWhole = (fold.visible || !wasMissing) && !fold.beginningLost && !fold.isFromWait;
  const known = fold.steps.map(({ calls }) => calls.map(({ call_id }) => call_id));
  const found = isWhole
    ? await ofOpenCalls(facts, request, fold, openCalls)
    : await facts.ofTurn(conversation, turn, known);
  if (found.said === undefined) {
    await facts.write(saidOf(request)).catch((err: unknown) => log.warn({ err }, "a message could not be noted"));
  }
  if (found.cancel !== undefined && fold.cancel === undefined) {
    const { by, reason } = found.cancel.kind === "cancel" ? found.cancel : { by: "", reason: unknownReason };
    fold.cancel = { by, reason };
  }
  await Promise.all([...found.calls].map(([id, call]) => foldResult(request, fold, id, { call, bus })));
  if (isWhole) return;
  fold.mayHaveEnded = true;
  if (fold.beginningLost) return nameLostCalls(fold, found.calls);
  fold.rebuilt = stepsBeyond(found.calls, fold.steps.length);
  // Viewers may have text of it that no log has any more.
  if (fold.rebuilt.length > 0) fold.forgotten = true;
}

/** Nobody goes on with such a turn, but its end says what was called. */
function nameLostCalls(fold: TurnFold, calls: TurnFacts["calls"]): void {
  const kept = fold.steps.splice(0);
  const lost = stepsBeyond(calls, 0).filter(({ step }) => !kept.some((known) => known.step === step));
  fold.steps.push(...lost.map((step) => ({ ...step, text: "" })), ...kept);
  fold.steps.sort((a, b) => a.step - b.step);
}

/** Of a turn whose chain is all there: what has begun of it says nothing that the chain does not. */
async function ofOpenCalls(
  facts: Bus["facts"],
  request: TurnRequest,
  fold: TurnFold,
  known: ReadonlySet<CallId> = noCalls,
): Promise<TurnFacts> {
  const { conversation_id: conversation, turn_id: turn } = request;
  const calls = fold.steps.flatMap((step) => step.calls);
  const open = calls.filter(({ call_id }) => !fold.results.has(call_id) && !known.has(call_id));
  const resultOf = async ({ call_id: call }: StepCall): Promise<[CallId, CallFacts]> => {
    const result = await facts.read("result", { conversation, turn, call });
    return [call, result === undefined ? {} : { result }];
  };
  const [said, cancel, results] = await Promise.all([
    facts.read("said", { conversation, turn }),
    facts.read("cancel", { conversation, turn }),
    Promise.all(open.map(resultOf)),
  ]);
  return { said, cancel, calls: new Map(results) };
}

interface FoundCall {
  readonly call: CallFacts;
  readonly bus: Pick<Bus, "events">;
}

async function foldResult(
  { conversation_id, turn_id }: TurnRequest,
  fold: TurnFold,
  id: CallId,
  { call: { result }, bus: { events } }: FoundCall,
): Promise<void> {
  // One that cannot be read is told by whoever looks for it next.
  if (fold.results.has(id) || result?.kind !== "result") return;
  const event = toolCallEndOf(result);
  const subject = subjects.toolResult(events.shardOf(conversation_id), conversation_id, turn_id, id);
  const first = await events.writeOnce(subject, event, (maxBytes) => fitToolCallEnd(event, maxBytes));
  foldEvent(fold, first.seq, first.event);
}
