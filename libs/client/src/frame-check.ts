import { isTerminal, textOf, turn as turnIn, type EventFrame } from "@parley/protocol/fold";
import type { FoldedFrame, Folding } from "./folding.ts";

/**
 * What a viewer can check about its frames without trusting anybody. `n` counts the agent's chain within an attempt, but some events of the
 * chain are never shown, so a step of more than one proves nothing; what proves that nothing was lost or repeated is `text`.
 *
 * - `repeat`: a `seq` that is not above the cursor.
 * - `order`: a chain event that is not after the one before it, by (attempt, n).
 * - `after_end`: a chain event of a turn that has ended.
 * - `text`: the text that was folded until then is not the one that the terminal event says is stored.
 */
export type ViolationKind = "repeat" | "order" | "after_end" | "text";

export interface Violation {
  readonly kind: ViolationKind;
  readonly conversation_id: string;
  readonly turn_id: string | undefined;
  readonly seq: number;
  /** One sentence, without the text of anybody. */
  readonly detail: string;
}

interface ChainPosition {
  attempt: number;
  n: number;
  ended: boolean;
}

/** A folding that also looks at each frame before it is folded, and reports what should not be. */
export type FrameCheck = (folding: Folding, report: (violation: Violation) => void) => Folding;

type ChainFrame = Extract<EventFrame, { n: number }>;

/** Turns whose place is remembered beside those that the view has. */
const positionsKept = 400;

export const withFrameCheck: FrameCheck = (folding, report) => {
  const { view } = folding;
  const positions = new Map<string, ChainPosition>();
  /** Of the newest frame since the subscription. */
  let lastSeq = Number.POSITIVE_INFINITY;

  function checkChain(frame: ChainFrame): Violation | undefined {
    const last = positions.get(frame.turn_id);
    const { attempt, n } = frame;
    positions.set(frame.turn_id, { attempt, n, ended: last?.ended === true || isTerminal(frame.type) });
    if (last === undefined) return undefined;
    if (last.ended) return violation("after_end", frame, `${frame.type} after the end of its turn`);
    if (attempt > last.attempt || (attempt === last.attempt && n > last.n)) return undefined;
    return violation("order", frame, `attempt ${attempt} n ${n} after attempt ${last.attempt} n ${last.n}`);
  }

  /** Before the end is folded, which puts right what can be put right. */
  function checkText(frame: ChainFrame): Violation | undefined {
    if (!("response" in frame)) return undefined;
    const text = textOf(turnIn(view(), frame.turn_id) ?? []);
    if (text === frame.response) return undefined;
    return violation("text", frame, `${text.length} characters folded, ${frame.response.length} stored`);
  }

  function find(frame: FoldedFrame): Violation | undefined {
    const { seq } = view();
    const isToldAgain = frame.seq > lastSeq && frame.seq <= seq;
    lastSeq = Math.max(lastSeq === Number.POSITIVE_INFINITY ? 0 : lastSeq, frame.seq);
    if (isToldAgain) return undefined;
    // Who asks twice, because the first answer was slow, is told twice how things stand.
    if (frame.type === "snapshot" && frame.seq === seq) return undefined;
    if (frame.seq <= seq) return violation("repeat", frame, `seq ${frame.seq} when the cursor is ${seq}`);
    return "attempt" in frame && "n" in frame ? (checkChain(frame) ?? checkText(frame)) : undefined;
  }

  return {
    ...folding,
    subscribed: (seq) => void (lastSeq = seq),
    fold: (frame) => {
      const found = find(frame);
      if (found !== undefined) report(found);
      folding.fold(frame);
      for (const turnId of positions.keys()) if (positions.size > positionsKept) positions.delete(turnId);
    },
    clear: (turnIds) => {
      positions.clear();
      lastSeq = 0;
      folding.clear(turnIds);
    },
  };
};

function violation(kind: ViolationKind, frame: FoldedFrame, detail: string): Violation {
  const turn_id = "turn_id" in frame ? frame.turn_id : undefined;
  return { kind, conversation_id: frame.conversation_id, turn_id, seq: frame.seq, detail };
}
