import {
  applyFrame,
  createTurnView,
  createView,
  isTerminal,
  type ConversationId,
  type SnapshotFrame,
  type ReadEvent,
  type StoredEvent,
  type TurnId,
} from "@parley/protocol";
import { decodeVisible, type VisibleEvent } from "../hub/visible-event.ts";

export type TerminalEvent = Extract<StoredEvent, { type: "complete" | "cancelled" | "error" }>;

export interface TurnPlace {
  readonly conversation_id: ConversationId;
  readonly turn_id: TurnId;
}

export type TurnWatch = ReturnType<typeof createTurnWatch>;

/** Waits for the end of one turn among what a viewer of its conversation gets. */
export function createTurnWatch() {
  let place: TurnPlace | undefined;
  return {
    /** The turn, once it is known. */
    get place(): TurnPlace | undefined {
      return place;
    },

    /** The turn, if it is one of this conversation. */
    in: (conversation: ConversationId): TurnId[] => (place?.conversation_id === conversation ? [place.turn_id] : []),

    begin({ conversation_id, turn_id }: TurnPlace): void {
      place = { conversation_id, turn_id };
    },

    /** The end, if this event is it. */
    endIn(event: VisibleEvent): TerminalEvent | undefined {
      if (event.turn !== place?.turn_id || !isTerminal(event.type)) return undefined;
      const decoded = decodeVisible(event);
      return isEnd(decoded) ? decoded : undefined;
    },

    /** The end, if the snapshot's transcript tells it: the event itself will not come then. */
    endInSnapshot(frame: SnapshotFrame): TerminalEvent | undefined {
      if (place === undefined) return undefined;
      const view = createView(place.conversation_id);
      view.turns.set(place.turn_id, createTurnView(place.turn_id));
      applyFrame(view, frame);
      const turn = view.turns.get(place.turn_id);
      if (turn?.outcome === undefined) return undefined;
      return { ...turn.outcome, ...place, ts: frame.ts, attempt: turn.attempt, n: 0 };
    },
  };
}

function isEnd(event: ReadEvent): event is TerminalEvent {
  return isTerminal(event.type);
}
