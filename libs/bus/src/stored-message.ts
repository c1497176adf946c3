import { subjects, type ReadEvent } from "@parley/protocol";

/** A message of the event stream, live or read again. */
export interface StoredMessage {
  /** The subject it is stored under (`chat.ev…`), also when it came live. */
  readonly subject: string;
  /** Its sequence in the stream: the order of a conversation. */
  readonly seq: number;
  /** Sequence of the message before it on the same subject; 0: there is none. Shows holes. */
  readonly previous: number;
  /** Only borrowed when live: a view into the connection's read buffer. Copy it to keep it. */
  readonly data: Uint8Array;
}

export interface EventAtSeq {
  readonly seq: number;
  readonly event: ReadEvent;
}

const storedRoot = subjects.allEvents(0).split(".").slice(0, 2).join(".");
const liveRoot = subjects.allLive(0).split(".").slice(0, 2).join(".");

/** The stored subject of a live one. */
export function storedSubjectOf(liveSubject: string): string {
  return storedRoot + liveSubject.slice(liveRoot.length);
}
