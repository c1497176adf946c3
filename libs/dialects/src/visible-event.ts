import { decodeEvent, type ReadEvent, type TurnId } from "@parley/protocol";

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

export function decodeVisible({ frame }: VisibleEvent): ReadEvent {
  return decodeEvent(frame);
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
