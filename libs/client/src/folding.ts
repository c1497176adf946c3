import {
  createView,
  foldFrame,
  foldQueue,
  foldSignal,
  type ConversationEventFrame,
  type ConversationId,
  type ConversationView,
  type EventFrame,
  type PresenceFrame,
  type ReadFrame,
  type SnapshotFrame,
  type TypingFrame,
  type WaitingFrame,
} from "@parley/protocol/fold";

/** What a view is folded from. */
export type FoldedFrame = EventFrame | ConversationEventFrame | SnapshotFrame;

export interface Folding {
  readonly view: () => ConversationView;
  readonly fold: (frame: FoldedFrame) => void;
  readonly queue: (frame: WaitingFrame) => void;
  readonly signal: (frame: TypingFrame | PresenceFrame | ReadFrame) => void;
  /** What follows begins after this cursor: for who checks what follows. */
  readonly subscribed: (seq: number) => void;
  /** What the view has is of no use to what follows, which has not come: until then it has no cursor. It keeps a place for the turns with these ids. */
  readonly clear: (turnIds: readonly string[]) => void;
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
    const turns = view.turns.filter(({ outcome }) => outcome === undefined || excess-- <= 0);
    view = { ...view, turns, transcript: withoutGap(view, turns) };
  }

  return {
    view: () => view,
    fold(frame) {
      show(foldFrame(view, frame));
      forgetOldTurns();
    },
    subscribed: () => undefined,
    queue: (frame) => show(foldQueue(view, frame)),
    signal: (frame) => show(foldSignal(view, frame)),
    clear(turnIds) {
      // A transcript tells the end of the turns that the view has.
      show(createView(conversation, turnIds));
    },
  };
}

/** Where a turn is forgotten that stands behind the transcript, what stands before it goes too: in the middle nobody would miss it. */
function withoutGap(
  { transcript, transcriptAfter, turns }: ConversationView,
  left: ConversationView["turns"],
): ConversationView["transcript"] {
  const [kept, stored] = [idsOf(left), idsOf(transcript)];
  const last = turns.findIndex(({ turn_id }) => turn_id === transcriptAfter);
  const leavesGap = turns.some(({ turn_id }, at) => at > last && !kept.has(turn_id) && !stored.has(turn_id));
  return leavesGap ? transcript.filter(({ turn_id }) => kept.has(turn_id)) : transcript;
}

function idsOf(all: readonly { readonly turn_id: string }[]): ReadonlySet<string> {
  return new Set(all.map(({ turn_id }) => turn_id));
}
