import {
  isTerminal,
  textOf,
  turn as turnIn,
  type ConversationEventFrame,
  type ConversationView,
  type EventFrame,
  type SnapshotFrame,
} from "@parley/protocol/fold";

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

export interface FrameCheck {
  /** Frames follow from this cursor on: who subscribes while others are on their way may be told again what came meanwhile. */
  readonly subscribed: (seq: number) => void;
  /** Looks at a frame before it is folded. */
  readonly before: (view: ConversationView, frame: FoldedFrame) => Violation | undefined;
  readonly forget: (turnId: string) => void;
}

/** What a view is folded from. */
export type FoldedFrame = EventFrame | ConversationEventFrame | SnapshotFrame;

type ChainFrame = Extract<EventFrame, { n: number }>;

export function createFrameCheck(): FrameCheck {
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
  function checkText(view: ConversationView, frame: ChainFrame): Violation | undefined {
    if (!("response" in frame)) return undefined;
    const text = textOf(turnIn(view, frame.turn_id) ?? []);
    if (text === frame.response) return undefined;
    return violation("text", frame, `${text.length} characters folded, ${frame.response.length} stored`);
  }

  return {
    subscribed: (seq) => void (lastSeq = seq),
    before: (view, frame) => {
      const isToldAgain = frame.seq > lastSeq && frame.seq <= view.seq;
      lastSeq = Math.max(lastSeq === Number.POSITIVE_INFINITY ? 0 : lastSeq, frame.seq);
      if (isToldAgain) return undefined;
      // Who asks twice, because the first answer was slow, is told twice how things stand.
      if (frame.type === "snapshot" && frame.seq === view.seq) return undefined;
      if (frame.seq <= view.seq) return violation("repeat", frame, `seq ${frame.seq} when the cursor is ${view.seq}`);
      return "attempt" in frame && "n" in frame ? (checkChain(frame) ?? checkText(view, frame)) : undefined;
    },
    forget: (turnId) => void positions.delete(turnId),
  };
}

function violation(kind: ViolationKind, frame: FoldedFrame, detail: string): Violation {
  const turn_id = "turn_id" in frame ? frame.turn_id : undefined;
  return { kind, conversation_id: frame.conversation_id, turn_id, seq: frame.seq, detail };
}
