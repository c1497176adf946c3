import { isUtf8 } from "node:buffer";
import type { StoredMessage } from "@parley/bus";
import { changedMessage, decodeVisible, type VisibleEvent } from "@parley/dialects";
import {
  Handover,
  MessageChanges,
  isChangedMessage,
  isVisible,
  seqHead,
  transcriptOfPost,
  typeOfStored,
  type TranscriptMessage,
  type TurnId,
} from "@parley/protocol";

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

/** How it stands with a person who answers in place of the agent, as an event says it. */
export function handoverIn(event: VisibleEvent): Handover | undefined {
  if (event.type !== "handover") return undefined;
  const decoded = decodeVisible(event);
  return decoded.type === "handover" ? Handover.parse(decoded) : undefined;
}

const changeTypes: ReadonlySet<string> = new Set(["message_edited", "message_deleted", "reaction"]);

export function isChange({ type }: VisibleEvent): boolean {
  return changeTypes.has(type);
}

/** What became of a message, as an event says it. */
export function changesIn(event: VisibleEvent): MessageChanges | undefined {
  if (!isChange(event)) return undefined;
  const decoded = decodeVisible(event);
  return "stands" in decoded ? MessageChanges.parse(decoded.stands) : undefined;
}

/** What somebody wrote to the others, as an event says it. */
export function postIn(event: VisibleEvent): TranscriptMessage | undefined {
  if (event.type !== "post") return undefined;
  const decoded = decodeVisible(event);
  return decoded.type === "post" ? transcriptOfPost(decoded) : undefined;
}
