import {
  createTurnView,
  createView,
  foldEvent,
  foldFrame,
  isTerminal,
  turn as turnIn,
  type ConversationId,
  type SnapshotFrame,
  type ReadEvent,
  type StoredEvent,
  type TurnId,
  type TurnView,
} from "@parley/protocol";
import { decodeVisible, isFoldable, type VisibleEvent } from "./visible-event.ts";

export type TerminalEvent = Extract<StoredEvent, { type: "complete" | "cancelled" | "error" }>;

export interface TurnPlace {
  readonly conversation_id: ConversationId;
  readonly turn_id: TurnId;
}

export type TurnWatch = ReturnType<typeof createTurnWatch>;

/** Waits for the end of one turn among what a viewer of its conversation gets. */
export function createTurnWatch() {
  let place: TurnPlace | undefined;
  let known: TurnView | undefined;
  return {
    /** The turn, once it is known. */
    get place(): TurnPlace | undefined {
      return place;
    },

    /** The turn, if it is one of this conversation. */
    in: (conversation: ConversationId): TurnId[] => (place?.conversation_id === conversation ? [place.turn_id] : []),

    begin({ conversation_id, turn_id }: TurnPlace): void {
      place = { conversation_id, turn_id };
      known = createTurnView(turn_id);
    },

    /** What was seen of it. */
    get turn(): TurnView | undefined {
      return known;
    },

    /** Takes what is neither its beginning nor its end: for who wants to know its parts. Returns the event, if it was one of the turn's. */
    see(event: VisibleEvent): ReadEvent | undefined {
      if (known?.turn_id !== event.turn || !isFoldable(event.type)) return undefined;
      const decoded = decodeVisible(event);
      known = foldEvent(known, decoded);
      return decoded;
    },

    /** The end, if this event is it. */
    endIn(event: VisibleEvent): TerminalEvent | undefined {
      if (event.turn !== place?.turn_id || !isTerminal(event.type)) return undefined;
      const decoded = decodeVisible(event);
      if (!isEnd(decoded)) return undefined;
      if (known !== undefined) known = foldEvent(known, decoded);
      return decoded;
    },

    /** The end, if the snapshot's transcript tells it: the event itself will not come then. */
    endInSnapshot(frame: SnapshotFrame): TerminalEvent | undefined {
      if (place === undefined || known === undefined) return undefined;
      known = turnIn(foldFrame({ ...createView(place.conversation_id), turns: [known] }, frame), place.turn_id);
      if (known?.outcome === undefined) return undefined;
      return { ...known.outcome, ...place, ts: frame.ts, attempt: known.attempt, n: 0 };
    },
  };
}

function isEnd(event: ReadEvent): event is TerminalEvent {
  return isTerminal(event.type);
}
