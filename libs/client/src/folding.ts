import {
  createView,
  foldFrame,
  foldQueue,
  type ConversationEventFrame,
  type ConversationId,
  type ConversationView,
  type EventFrame,
  type SnapshotFrame,
  type WaitingFrame,
} from "@parley/protocol/fold";

/** What a view is folded from. */
export type FoldedFrame = EventFrame | ConversationEventFrame | SnapshotFrame;

export interface Folding {
  readonly view: () => ConversationView;
  readonly fold: (frame: FoldedFrame) => void;
  readonly queue: (frame: WaitingFrame) => void;
  /** What follows begins after this cursor: for who checks what follows. */
  readonly subscribed?: (seq: number) => void;
  /** What the view has is of no use to what follows, which has not come: until then it has no cursor. It keeps a place for the turns with these ids. */
  readonly beginAnew: (turnIds: readonly string[]) => void;
}

/** Ended turns above this number are forgotten, oldest first: a view that lives for weeks must not grow for weeks. */
const turnsKept = 200;

/** The one place that has a conversation's view: folds each frame, and keeps the view bounded. */
export function createFolding(conversation: ConversationId, onChange: () => void): Folding {
  let view = createView(conversation);

  function show(next: ConversationView): void {
    if (next === view) return;
    view = next;
    onChange();
  }

  function forgetOldTurns(): void {
    let excess = view.turns.length - turnsKept;
    if (excess <= 0) return;
    const forgotten = new Set<string>();
    const turns = view.turns.filter(({ turn_id, outcome }) => {
      if (excess === 0 || outcome === undefined) return true;
      excess--;
      forgotten.add(turn_id);
      return false;
    });
    view = { ...view, turns, transcript: withoutGap(view, forgotten) };
  }

  return {
    view: () => view,
    fold(frame) {
      show(foldFrame(view, frame));
      forgetOldTurns();
    },
    queue: (frame) => show(foldQueue(view, frame)),
    beginAnew(turnIds) {
      // A transcript tells the end of the turns that the view has.
      show(createView(conversation, turnIds));
    },
  };
}

/** Where a turn is forgotten that stands behind the transcript, what stands before it goes too: in the middle nobody would miss it. */
function withoutGap(
  { transcript, transcriptAfter, turns }: ConversationView,
  forgotten: ReadonlySet<string>,
): ConversationView["transcript"] {
  const stored = new Set(transcript.map(({ turn_id }) => turn_id));
  const last = turns.findIndex(({ turn_id }) => turn_id === transcriptAfter);
  const leavesGap = turns.some(({ turn_id }, at) => at > last && forgotten.has(turn_id) && !stored.has(turn_id));
  if (!leavesGap) return transcript;
  const kept = new Set(turns.map(({ turn_id }) => turn_id).filter((id) => !forgotten.has(id)));
  return transcript.filter(({ turn_id }) => kept.has(turn_id));
}
