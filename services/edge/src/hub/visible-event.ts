import { isUtf8 } from "node:buffer";
import type { StoredMessage } from "@parley/bus";
import { decodeEvent, isVisible, seqHead, typeOfStored, type ReadEvent, type TurnId } from "@parley/protocol";

/** A stored event that viewers see. */
export interface VisibleEvent {
  /** Its sequence in the stream. */
  readonly seq: number;
  readonly turn: TurnId;
  readonly type: string;
  /** The native frame: a copy of the stored bytes with the wire's `seq` as first key. */
  readonly frame: Buffer;
}

const closingBrace = 0x7d;

/** Undefined for the workers' own events. `message.data` is copied. */
export function visibleEventOf({ seq, data }: StoredMessage, turn: TurnId, offset: number): VisibleEvent | undefined {
  const type = typeOfStored(data);
  if (type === "" || !isVisible(type)) return undefined;
  // What cannot be an event is not passed on either: a browser would close the socket, come back, and get it again.
  if (data[data.length - 1] !== closingBrace || !isUtf8(data)) return undefined;
  return { seq, turn, type, frame: frameOf(offset + seq, data) };
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
