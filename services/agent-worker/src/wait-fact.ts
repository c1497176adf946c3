import {
  callPart,
  envelopeBytes,
  isReasoning,
  isSource,
  isToolCall,
  jsonBytes,
  jsonTextBytes,
  orderOf,
  orderWithApprovals,
  partsInOrder,
  type FactOf,
  type PartPlace,
  type Parts,
  type Source,
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

/** Which sources it has, its parts say. */
function decidedIn({
  decisions: { routed, sources, model },
}: Pick<TurnFold, "decisions">): Pick<WaitFact, "routed" | "found" | "model"> {
  return {
    ...(routed === undefined ? {} : { routed }),
    ...(sources === undefined ? {} : { found: true }),
    ...(model === undefined ? {} : { model }),
  };
}

function decisionsOf({ routed, found, model }: WaitFact, parts: Parts): TurnFold["decisions"] {
  return { routed, model, sources: found === true ? parts.filter(isSource).map(sourceOf) : undefined };
}

function sourceOf({ type: _type, ...source }: Extract<Parts[number], { type: "source" }>): Source {
  return source;
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

/** What was decided before stands in events that may be forgotten by then; what is asked now, in facts that are looked up. The preview was for its moment. */
function withDecided(parts: Parts): Parts {
  return parts.map((part) => {
    if (!isToolCall(part) || part.approval === undefined) return part;
    const { approval, ...call } = part;
    const { preview: _preview, ...decided } = approval;
    return approval.approved === undefined ? call : { ...call, approval: decided };
  });
}

/**
 * All that is needed to go on when every event of the turn is forgotten, but for the results of its calls, which are facts of their own. What is too
 * large goes without what people decided of earlier calls, then without the model's reasoning, first that which people see. Undefined: there is no room for it even so.
 */
export function waitFactOf(
  { request, fold, attempt }: Pick<ClaimedTurn, "request" | "fold" | "attempt">,
  { calls, until }: Waiting,
  maxBytes: number,
): WaitFact | undefined {
  const { conversation_id, turn_id } = request;
  const ordered: WaitFact = {
    ...{ kind: "wait", v: 1, conversation_id, turn_id, ts: Date.now() },
    ...{ attempt, released: fold.released, until, calls: [...calls] },
    steps: fold.steps.map(({ step, text, calls: its }) => ({ step, text, calls: [...its] })),
    parts: orderOf(fold.parts),
    usage: fold.usage,
    worked_ms: fold.workedMs,
    ...decidedIn(fold),
    ...(fold.trace === undefined ? {} : { trace: fold.trace }),
    whole: true,
  };
  const whole: WaitFact = { ...ordered, parts: orderWithApprovals(withDecided(fold.parts)) };
  const { whole: _whole, ...quiet } = withoutReasoning(ordered);
  return [whole, ordered, quiet, withoutMessageFields(quiet)].find(
    (fact) => jsonBytes(fact) <= maxBytes - envelopeBytes,
  );
}

function textOfWait({ steps }: Pick<WaitFact, "steps">): string {
  return steps.map((step) => step.text).join("");
}

function orderedParts({ parts, steps }: WaitFact): Parts | undefined {
  return partsInOrder(parts, { text: textOfWait({ steps }), calls: steps.flatMap((step) => step.calls) });
}

function partsOfWait(wait: WaitFact): Parts {
  const text = textOfWait(wait);
  const calls = wait.steps.flatMap((step) => step.calls);
  return orderedParts(wait) ?? [...(text === "" ? [] : [{ type: "text" as const, text }]), ...calls.map(callPart)];
}

function startedIn(steps: readonly CommittedStep[]): Set<string> {
  // Those of the last one are told once more: its viewers may be new.
  return new Set(steps.slice(0, -1).flatMap(({ calls }) => calls.map(({ call_id }) => call_id)));
}

/** The turn as it was when it began to wait. */
export function foldOfWait(wait: WaitFact): TurnFold {
  const text = textOfWait(wait);
  const parts = partsOfWait(wait);
  return {
    ...createTurnFold(),
    ...{ attempt: wait.attempt, released: wait.released + 1, letGo: "waited" },
    ...{ text, committedText: text, parts, usage: wait.usage, workedMs: wait.worked_ms },
    reasoningBytes: parts.filter(isReasoning).reduce((sum, part) => sum + jsonTextBytes(part.text), 0),
    steps: [...wait.steps],
    started: startedIn(wait.steps),
    asked: new Set(wait.calls),
    trace: wait.trace,
    decisions: decisionsOf(wait, parts),
    ...{ visible: true, told: "all", forgotten: true, isFromWait: true },
  };
}

/** The same while its chain is kept, and ends with that wait, at that sequence. Undefined: the fact does not say all that the chain does. */
export function foldOfWholeWait(wait: WaitFact, seq: number): TurnFold | undefined {
  if (wait.whole !== true || orderedParts(wait) === undefined) return undefined;
  // Calls are parts of the answer from their start on.
  const started = new Set(wait.parts.flatMap((place) => ("call_id" in place ? place.call_id : [])));
  return { ...foldOfWait(wait), seq, started, forgotten: false, isFromWait: false };
}
