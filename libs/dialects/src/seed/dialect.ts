import {
  createView,
  foldFrame,
  isReadable,
  isTerminal,
  turn as turnIn,
  type ClientFrame,
  type ConnectionFrame,
  type ConversationId,
  type FrameError,
  type SnapshotFrame,
  type StoredEvent,
  type TurnView,
  type Caller,
} from "@parley/protocol";
import type { Dialect } from "../dialect.ts";
import { decodeVisible, type VisibleEvent } from "../visible-event.ts";
import type { Asked, AskedTurn, AskedTurns } from "./state.ts";

/** A frame as an object, or already as bytes. */
export type Encodable = object | Uint8Array;

/** Frames of the connection that are told to clients of the seeds too; the others only mean something to native ones. */
export type ToldFrame = Exclude<
  ConnectionFrame,
  { type: "accepted" | "decision" | "feedback" | "queue" | "snapshot" | "welcome" | "subscribed" | "error" }
>;

/** What differs between the dialects of the seeds. */
export interface SeedDialectParts<State> {
  readonly name: string;
  readonly asked: AskedTurns<State>;
  decode(text: string, caller: Caller | undefined): Promise<ClientFrame>;
  /** The frames of one event of a turn that the client asked for. */
  event(turn: AskedTurn<State>, event: StoredEvent, visible: VisibleEvent): Encodable[];
  /** What the client lacks of a turn that still runs. */
  catchUp(turn: AskedTurn<State>, view: TurnView): Encodable[];
  /** The answer to a frame that was refused. */
  refusal(error: FrameError, asked: Asked<State> | undefined): Encodable;
  frame(frame: ToldFrame): Encodable[];
  /** Whether the client has been told, in mid-turn, that its turn has ended. */
  hasGivenUp?(turn: AskedTurn<State>): boolean;
}

/** A dialect whose clients know their own messages only, each with one answer. */
export function createSeedDialect<State>(parts: SeedDialectParts<State>): Dialect {
  const { name, asked, decode } = parts;
  return {
    name,
    decode,
    isWaitingIn: asked.isWaitingIn,
    turnsIn: (conversation) => [...asked.in(conversation)].map(([id]) => id),
    encodeEvent(visible) {
      const turn = asked.get(visible.turn);
      if (turn === undefined) return [];
      const event = decodeVisible(visible);
      if (!isReadable(event)) return [];
      const encoded = parts.event(turn, event, visible).map(bytesOf);
      if (isTerminal(visible.type) || parts.hasGivenUp?.(turn) === true) asked.end(visible.turn);
      return encoded;
    },
    encodeFrame: (frame) => ofFrame(parts, frame).map(bytesOf),
  };
}

function ofFrame<State>(parts: SeedDialectParts<State>, frame: ConnectionFrame): Encodable[] {
  const { asked } = parts;
  switch (frame.type) {
    case "accepted":
      asked.accepted(frame);
      return [];
    case "welcome":
    case "subscribed":
    case "queue":
    case "decision":
    case "feedback":
      return [];
    case "snapshot":
      return ofSnapshot(parts, frame);
    case "error":
      if (frame.frame === "delete" && frame.conversation_id) return ofDeletion(parts, frame, frame.conversation_id);
      return [parts.refusal(frame, asked.refused(frame))];
    default:
      return parts.frame(frame);
  }
}

/** It is the end of what was asked: see `turnsIn`. */
function ofDeletion<State>(
  { asked, refusal }: SeedDialectParts<State>,
  error: FrameError,
  conversation: ConversationId,
): Encodable[] {
  return [...asked.in(conversation)].map(([id, turn]) => {
    asked.end(id);
    return refusal(error, turn);
  });
}

/** The viewer lagged, or the stream was made anew: a snapshot has no counterpart, but all that it says can be said in frames. */
function ofSnapshot<State>(parts: SeedDialectParts<State>, snapshot: SnapshotFrame): Encodable[] {
  const own = [...parts.asked.in(snapshot.conversation_id)];
  const ids = own.map(([id]) => id);
  const view = foldFrame(createView(snapshot.conversation_id, ids), snapshot);
  return own.flatMap(([id, turn]) => {
    const known = turnIn(view, id);
    const isTold = known?.outcome !== undefined || snapshot.turn_id === id;
    return known === undefined || !isTold ? [] : ofTurn(parts, snapshot, turn, known);
  });
}

function ofTurn<State>(
  { asked, catchUp, event, hasGivenUp }: SeedDialectParts<State>,
  { conversation_id, seq, ts }: SnapshotFrame,
  turn: AskedTurn<State>,
  known: TurnView,
): Encodable[] {
  const { turn_id, outcome, attempt } = known;
  const missing = catchUp(turn, known);
  const isOver = hasGivenUp?.(turn) === true;
  if (isOver || outcome !== undefined) asked.end(turn_id);
  if (isOver || outcome === undefined) return missing;
  const ending = { ...outcome, conversation_id, turn_id, ts, attempt, n: 0 };
  const frame = Buffer.from(JSON.stringify({ seq, ...ending }));
  return [...missing, ...event(turn, ending, { seq, turn: turn_id, type: outcome.type, frame })];
}

function bytesOf(frame: Encodable): Uint8Array {
  return frame instanceof Uint8Array ? frame : Buffer.from(JSON.stringify(frame));
}
