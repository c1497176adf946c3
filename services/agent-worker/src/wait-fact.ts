import {
  callPart,
  envelopeBytes,
  isReasoning,
  isText,
  isToolCall,
  jsonBytes,
  jsonTextBytes,
  type FactOf,
  type Part,
  type StepCall,
} from "@parley/protocol";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { createTurnFold, type CommittedStep, type TurnFold } from "./turn-fold.ts";

type WaitFact = FactOf<"wait">;
type PartOfWait = WaitFact["parts"][number];

/** What a turn waits for. */
export interface Waiting {
  readonly calls: readonly string[];
  /** When the first of it expires, ms since 1970. */
  readonly until: number;
}

/** Texts and calls stand in the steps. */
function partOf(part: Part): PartOfWait[] {
  if (isText(part)) return part.text === "" ? [] : [{ chars: part.text.length }];
  return [isToolCall(part) ? { call_id: part.call_id } : { part }];
}

function withoutReasoning(fact: WaitFact): WaitFact {
  return { ...fact, parts: fact.parts.filter((part) => !("part" in part && isReasoning(part.part))) };
}

/** What it thought, the model can do without; ids and signatures it cannot. */
function withoutMessageFields(fact: WaitFact): WaitFact {
  const callOf = ({ provider, ...call }: StepCall): StepCall => {
    if (provider === undefined) return call;
    const { message_fields: _thoughts, ...kept } = provider;
    return { ...call, provider: kept };
  };
  return { ...fact, steps: fact.steps.map((step) => ({ ...step, calls: step.calls.map(callOf) })) };
}

/**
 * All that is needed to go on when every event of the turn is forgotten, but for the results of its calls, which are facts of their own. What is too
 * large goes without the model's reasoning, first that which people see. Undefined: there is no room for it even so.
 */
export function waitFactOf(
  { request, fold, attempt }: Pick<ClaimedTurn, "request" | "fold" | "attempt">,
  { calls, until }: Waiting,
  maxBytes: number,
): WaitFact | undefined {
  const { conversation_id, turn_id } = request;
  const whole: WaitFact = {
    ...{ kind: "wait", v: 1, conversation_id, turn_id, ts: Date.now() },
    ...{ attempt, released: fold.released, until, calls: [...calls] },
    steps: fold.steps.map(({ step, text, calls: its }) => ({ step, text, calls: [...its] })),
    parts: fold.parts.flatMap(partOf),
    usage: fold.usage,
    worked_ms: fold.workedMs,
  };
  const quiet = withoutReasoning(whole);
  return [whole, quiet, withoutMessageFields(quiet)].find((fact) => jsonBytes(fact) <= maxBytes - envelopeBytes);
}

function partsOfWait({ parts, steps }: WaitFact): Part[] {
  const text = steps.map((step) => step.text).join("");
  const calls = new Map(steps.flatMap((step) => step.calls).map((call) => [call.call_id, call]));
  let told = 0;
  return parts.reduce<Part[]>((all, part) => {
    if ("part" in part) return [...all, part.part];
    // A source is kept whole here: none stands anywhere else.
    if ("source" in part) return all;
    if ("call_id" in part) {
      const call = calls.get(part.call_id);
      return call === undefined ? all : [...all, callPart(call)];
    }
    const piece = text.slice(told, told + part.chars);
    told += part.chars;
    const last = all.at(-1);
    // What stood between them had no room.
    if (last !== undefined && isText(last)) return all.with(all.length - 1, { ...last, text: last.text + piece });
    return piece === "" ? all : [...all, { type: "text", text: piece }];
  }, []);
}

function startedIn(steps: readonly CommittedStep[]): Set<string> {
  // Those of the last one are told once more: its viewers may be new.
  return new Set(steps.slice(0, -1).flatMap(({ calls }) => calls.map(({ call_id }) => call_id)));
}

/** The turn as it was when it began to wait. */
export function foldOfWait(wait: WaitFact): TurnFold {
  const text = wait.steps.map((step) => step.text).join("");
  const parts = partsOfWait(wait);
  return {
    ...createTurnFold(),
    ...{ attempt: wait.attempt, released: wait.released + 1, letGo: "waited" },
    ...{ text, committedText: text, parts, usage: wait.usage, workedMs: wait.worked_ms },
    reasoningBytes: parts.filter(isReasoning).reduce((sum, part) => sum + jsonTextBytes(part.text), 0),
    steps: [...wait.steps],
    started: startedIn(wait.steps),
    asked: new Set(wait.calls),
    ...{ visible: true, forgotten: true, isFromWait: true },
  };
}
