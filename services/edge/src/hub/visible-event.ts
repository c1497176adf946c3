import { isUtf8 } from "node:buffer";
import type { StoredMessage } from "@parley/bus";
import {
  decodeEvent,
  isChangedMessage,
  isVisible,
  seqHead,
  typeOfStored,
  type ReadEvent,
  type TurnId,
} from "@parley/protocol";

/** A stored event that viewers see. */
export interface VisibleEvent {
  /** Its sequence in the stream. */
  readonly seq: number;
  /** Empty: it belongs to the conversation alone. */
  readonly turn: TurnId;
  /** As in the event itself, but for `changedMessage`. */
  readonly type: string;
  /** The native frame: a copy of the stored bytes with the wire's `seq` as first key. */
  readonly frame: Buffer;
}

/** The type of a message that comes again with another text: it begins no turn, as a message does. */
export const changedMessage = "changed message";

const closingBrace = 0x7d;

/** Undefined for the workers' own events. `message.data` is copied. */
export function visibleEventOf(
  { subject, seq, data }: StoredMessage,
  turn: TurnId,
  offset: number,
): VisibleEvent | undefined {
  const type = typeOfStored(data);
  if (type === "" || !isVisible(type)) return undefined;
  // What cannot be an event is not passed on either: a browser would close the socket, come back, and get it again.
  if (data[data.length - 1] !== closingBrace || !isUtf8(data)) return undefined;
  const known = type === "message" && isChangedMessage(subject) ? changedMessage : type;
  return { seq, turn, type: known, frame: frameOf(offset + seq, data) };
}

/** As `withSeq` of the protocol, but from Node's buffer pool: an ArrayBuffer of its own per token would cost more than the token. */
function frameOf(wireSeq: number, data: Uint8Array): Buffer {
  const head = seqHead(wireSeq);
  const frame = Buffer.allocUnsafe(head.length + data.length - 1);
  // The end of the head overwrites the brace.
  frame.set(data, head.length - 1);
  frame.write(head, 0, "latin1");
  return frame;
}

export function decodeVisible({ frame }: VisibleEvent): ReadEvent {
  return decodeEvent(frame);
}

/**
 * Whether what these say of a turn begins where that began: with its message, and its first attempt. A message that was forgotten is written again by
 * who goes on with the turn, in a later one; so what came before it is not there.
 */
export function hasBeginning(events: readonly VisibleEvent[], turn: TurnId): boolean {
  for (const event of events) {
    if (event.turn !== turn || event.type === "message") continue;
    const decoded = decodeVisible(event);
    if ("attempt" in decoded) return decoded.attempt === 1;
  }
  return true;
}

/** The title that an event says; undefined: it says none. */
export function titleIn(event: VisibleEvent): string | undefined {
  if (event.type !== "title") return undefined;
  const decoded = decodeVisible(event);
  return decoded.type === "title" ? decoded.title : undefined;
}

const foldable: ReadonlySet<string> = new Set([
  "thinking",
  "progress",
  "reasoning",
  "token",
  "turn_restarted",
  "tool_call_start",
  "tool_call_progress",
  "tool_call_end",
  "approval_required",
  "approval_decided",
  "waiting",
]);

/**
 * Whether what an event of this type says is contained in a snapshot of its turn. Messages and ends are always sent themselves, and so is what
 * only a newer version knows: no snapshot of ours says it.
 */
export function isFoldable(type: string): boolean {
  return foldable.has(type);
}
