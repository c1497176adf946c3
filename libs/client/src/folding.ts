import {
  applyFrame,
  createTurnView,
  isTerminal,
  type ConversationView,
  type EventFrame,
  type SnapshotFrame,
} from "@parley/protocol";
import { createFrameCheck, type Violation } from "./frame-check.ts";

interface FoldingDeps {
  readonly onChange: () => void;
  readonly onViolation: (violation: Violation) => void;
}

export interface Folding {
  readonly fold: (frame: EventFrame | SnapshotFrame) => void;
  /** What follows begins after this cursor. */
  readonly subscribed: (seq: number) => void;
  /** What the view has is of no use to what follows, which has not come: until then it has no cursor. It keeps a place for the turns with these ids. */
  readonly beginAnew: (turnIds: readonly string[]) => void;
}

/** Ended turns above this number are forgotten, oldest first: a view that lives for weeks must not grow for weeks. */
const turnsKept = 200;

/** The one place that changes a view: checks each frame, folds it, and keeps the view bounded. */
export function createFolding(view: ConversationView, { onChange, onViolation }: FoldingDeps): Folding {
  let check = createFrameCheck();

  function report(violation: Violation | undefined): void {
    if (violation !== undefined) onViolation(violation);
  }

  function forgetOldTurns(): void {
    for (const [turnId, turn] of view.turns) {
      if (view.turns.size <= turnsKept) return;
      if (turn.outcome === undefined) continue;
      view.turns.delete(turnId);
      check.forget(turnId);
    }
  }

  return {
    fold(frame) {
      report(check.before(view, frame));
      if (!applyFrame(view, frame)) return;
      report(check.after(view, frame));
      onChange();
      if (isTerminal(frame.type)) forgetOldTurns();
    },
    subscribed: (seq) => check.subscribed(seq),
    beginAnew(turnIds) {
      check = createFrameCheck();
      check.subscribed(0);
      view.turns.clear();
      // A transcript tells the end of the turns that the view has.
      for (const id of turnIds) view.turns.set(id, createTurnView(id));
      view.messages = [];
      view.seq = 0;
      onChange();
    },
  };
}
