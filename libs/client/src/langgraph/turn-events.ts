import { pendingCallsOf, type Outcome, type ToolCallPart, type TurnView } from "@parley/protocol/fold";
import { answered, asked, lifecycle, messageEvent, used } from "./happenings.ts";
import type { Block, EventData } from "./protocol.ts";
import { questionOf, saidBy, stepsOf, type Step } from "./steps.ts";

/** What a stream has been told of a turn, and what there is to tell of it after the view has changed. */
export interface TurnTelling {
  /** `isAppended`: the only change since the last look is that its last part has grown, or that a part was added. */
  readonly look: (turn: TurnView, isAppended: boolean) => EventData[];
  /** The id of the message of a step. */
  readonly idOf: (step: number) => string;
  readonly hasEnded: () => boolean;
}

interface Told {
  readonly turnId: string;
  readonly threadId: string;
  /** How often what was told had to be taken back, by another worker that has begun the answer anew. A message of the stream cannot shrink: it is a new one then. */
  generation: number;
  status: "queued" | "running" | "waiting" | "ended";
  /** What was said of each block, per step; the last one may grow. */
  steps: string[][];
  open: Block | undefined;
  readonly started: Set<string>;
  readonly finished: Set<string>;
  readonly asked: Set<string>;
}

export function createTurnTelling(turnId: string, threadId: string): TurnTelling {
  const told: Told = {
    turnId,
    threadId,
    generation: 0,
    status: "queued",
    steps: [],
    open: undefined,
    started: new Set(),
    finished: new Set(),
    asked: new Set(),
  };
  return {
    look: (turn, isAppended) => (told.status === "ended" ? [] : changes(told, turn, isAppended)),
    idOf: (step) => idOf(told, step),
    hasEnded: () => told.status === "ended",
  };
}

export function stepId(turnId: string, step: number): string {
  return step === 0 ? `${turnId}-a` : `${turnId}-a-${step}`;
}

function idOf({ turnId, generation }: Told, step: number): string {
  return generation === 0 ? stepId(turnId, step) : `${stepId(turnId, step)}~${generation}`;
}

function changes(told: Told, turn: TurnView, isAppended: boolean): EventData[] {
  if (turn.status === "queued") return [];
  const begins = told.status === "queued";
  const resumes = told.status === "waiting" && turn.status !== "waiting";
  const happenings: EventData[] = [];
  if (begins) happenings.push(lifecycle({ event: "started", graph_name: "parley" }));
  if (resumes) happenings.push(lifecycle({ event: "running" }));
  happenings.push(...answers(told, turn));
  const steps = stepsOf(turn.parts);
  if (!isAppended && !isContinued(told, steps)) happenings.push(...takenBack(told));
  steps.forEach((step, at) => happenings.push(...stepChanges(told, step, at), ...toolChanges(told, step.calls)));
  told.status = turn.status === "waiting" ? "waiting" : "running";
  if (told.status === "waiting") happenings.push(...asking(told, turn));
  if (turn.outcome !== undefined) happenings.push(...ending(told, turn.outcome));
  return happenings;
}

/** Whether what was told is the beginning of what there is now. */
function isContinued({ steps: told }: Told, steps: readonly Step[]): boolean {
  const last = told.length - 1;
  return told.every((blocks, at) =>
    blocks.every((said, i) => {
      const block = steps[at]?.blocks[i];
      const mayGrow = at === last && i === blocks.length - 1;
      return block !== undefined && (mayGrow ? saidBy(block).startsWith(said) : saidBy(block) === said);
    }),
  );
}

function takenBack(told: Told): EventData[] {
  const wasOpen = told.steps.length > 0;
  told.generation++;
  told.steps = [];
  told.open = undefined;
  const message = "The answer begins anew.";
  return wasOpen ? [messageEvent({ event: "error", message, code: "turn_restarted" })] : [];
}

function stepChanges(told: Told, { blocks }: Step, at: number): EventData[] {
  const happenings: EventData[] = [];
  if (told.steps[at] === undefined) {
    happenings.push(...finishMessage(told));
    told.steps.push([]);
    const metadata = { run_id: told.turnId, thread_id: told.threadId };
    happenings.push(messageEvent({ event: "message-start", role: "ai", id: idOf(told, at), metadata }));
  }
  const said = told.steps[at] ?? [];
  // What is finished does not change any more.
  for (let index = Math.max(0, said.length - 1); index < blocks.length; index++) {
    const block = blocks[index];
    if (block !== undefined) happenings.push(...blockChanges(told, said, index, block));
  }
  return happenings;
}

function blockChanges(told: Told, said: string[], index: number, block: Block): EventData[] {
  const happenings: EventData[] = [];
  const before = said[index];
  if (before === undefined) {
    happenings.push(...finishBlock(told, index - 1));
    happenings.push(messageEvent({ event: "content-block-start", index, content: emptied(block) }));
  }
  const now = saidBy(block);
  const more = now.slice(before?.length ?? 0);
  const delta = deltaOf(block, more);
  if (more !== "" && delta !== undefined) {
    happenings.push(messageEvent({ event: "content-block-delta", index, delta }));
  }
  said[index] = now;
  told.open = before === undefined || told.open !== undefined ? block : undefined;
  return happenings;
}

function emptied(block: Block): Block {
  if (block.type === "text") return { type: "text", text: "" };
  return block.type === "reasoning" ? { type: "reasoning", reasoning: "" } : block;
}

function deltaOf({ type }: Block, more: string) {
  if (type === "text") return { type: "text-delta", text: more } as const;
  return type === "reasoning" ? ({ type: "reasoning-delta", reasoning: more } as const) : undefined;
}

function finishBlock(told: Told, index: number): EventData[] {
  const content = told.open;
  told.open = undefined;
  return content === undefined ? [] : [messageEvent({ event: "content-block-finish", index, content })];
}

function finishMessage(told: Told, usage?: Outcome["usage"]): EventData[] {
  const last = told.steps.at(-1);
  if (last === undefined) return [];
  const data = { event: "message-finish", ...(usage === undefined ? {} : { usage: usageOf(usage) }) } as const;
  return [...finishBlock(told, last.length - 1), messageEvent(data)];
}

export function usageOf({ input_tokens, output_tokens }: Outcome["usage"]) {
  return { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens };
}

function toolChanges({ started, finished }: Told, calls: readonly ToolCallPart[]): EventData[] {
  return calls.flatMap(({ call_id, tool_name, arguments: input, status, result = "" }) => {
    const happenings: EventData[] = [];
    const tool_call_id = call_id;
    if (!started.has(call_id)) happenings.push(used({ event: "tool-started", tool_call_id, tool_name, input }));
    started.add(call_id);
    if (status === undefined || finished.has(call_id)) return happenings;
    finished.add(call_id);
    const data =
      status === "completed"
        ? ({ event: "tool-finished", tool_call_id, output: result } as const)
        : ({ event: "tool-error", tool_call_id, message: result, code: status } as const);
    return [...happenings, used(data)];
  });
}

function asking({ asked: known }: Told, { parts }: TurnView): EventData[] {
  const pending = pendingCallsOf(parts).filter(({ call_id }) => !known.has(call_id));
  if (pending.length === 0) return [];
  const questions = pending.map((call): EventData => {
    known.add(call.call_id);
    return asked(call.call_id, questionOf(call));
  });
  // The last word: who reads a stream of the SDK reads on after the answer.
  return [...questions, lifecycle({ event: "interrupted" })];
}

/** By whoever: all that have shown the question can take it away. */
function answers({ asked }: Told, { parts, outcome }: TurnView): EventData[] {
  const pending = new Set(outcome === undefined ? pendingCallsOf(parts).map(({ call_id }) => call_id) : []);
  const interrupt_ids = [...asked].filter((id) => !pending.has(id));
  for (const id of interrupt_ids) asked.delete(id);
  return interrupt_ids.length === 0 ? [] : [answered(interrupt_ids)];
}

function ending(told: Told, outcome: Outcome): EventData[] {
  const happenings = finishMessage(told, outcome.usage);
  told.status = "ended";
  if (outcome.type === "complete") return [...happenings, lifecycle({ event: "completed" })];
  // As LangGraph calls a run that somebody has stopped.
  if (outcome.type === "cancelled") return [...happenings, lifecycle({ event: "interrupted" })];
  return [...happenings, lifecycle({ event: "failed", error: outcome.error })];
}
