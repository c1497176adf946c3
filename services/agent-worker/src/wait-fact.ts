import {
  callPart,
  envelopeBytes,
  isReasoning,
  jsonBytes,
  jsonTextBytes,
  orderOf,
  partsInOrder,
  type FactOf,
  type PartPlace,
  type Parts,
  type StepCall,
} from "@parley/protocol";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { createTurnFold, type CommittedStep, type TurnFold } from "./turn-fold.ts";

type WaitFact = FactOf<"wait">;
/** What a turn waits for. */
export interface Waiting {
  readonly calls: readonly string[];
  /** When the first of it expires, ms since 1970. */
  readonly until: number;
}

/** Texts between which there is nothing any more are one. */
function withoutReasoning(fact: WaitFact): WaitFact {
  const parts = fact.parts.reduce<PartPlace[]>((kept, place) => {
    if ("part" in place && isReasoning(place.part)) return kept;
    const last = kept.at(-1);
    if (last === undefined || !("chars" in last) || !("chars" in place)) return [...kept, place];
    return kept.with(kept.length - 1, { chars: last.chars + place.chars });
  }, []);
  return { ...fact, parts };
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
    parts: orderOf(fold.parts),
    usage: fold.usage,
    worked_ms: fold.workedMs,
  };
  const quiet = withoutReasoning(whole);
  return [whole, quiet, withoutMessageFields(quiet)].find((fact) => jsonBytes(fact) <= maxBytes - envelopeBytes);
}

function partsOfWait({ parts, steps }: WaitFact): Parts {
  const text = steps.map((step) => step.text).join("");
  const calls = steps.flatMap((step) => step.calls);
  const known = partsInOrder(parts, { text, calls });
  return known ?? [...(text === "" ? [] : [{ type: "text" as const, text }]), ...calls.map(callPart)];
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
