import { ChatError } from "@parley/protocol";
import type { Dialect } from "../dialect.ts";
import { wireSeqOf } from "../frame-bytes.ts";
import { liveOffsetOf, offsetOf } from "./addresses.ts";
import { controlEvent, dataEvent, eventMessage, snapshotMessage } from "./encode.ts";

export interface DurableStreamOptions {
  /** Where the reader begins; undefined: with a snapshot. */
  readonly after: number | undefined;
  /** The cursor of the newest event when it began: who is there is up to date. */
  readonly tail: number;
  /** For caches in between. */
  readonly streamCursor: string;
  /** The client knows the status `unknown`. */
  readonly isKnowing: boolean;
  /** The stream was deleted. */
  readonly onEnd: () => void;
}

/** A conversation as a durable stream over server-sent events: behind each message, how far the reader is. */
export function createDurableStreamDialect(options: DurableStreamOptions): Dialect {
  const { after, tail, streamCursor, isKnowing, onEnd } = options;
  const control = (cursor: number, offset = offsetOf(cursor)): Buffer =>
    controlEvent({ offset, streamCursor, isUpToDate: cursor >= tail });
  return {
    name: "durable-stream",
    decode: () => {
      throw new ChatError("UNSUPPORTED");
    },
    encodeEvent(event) {
      const cursor = Number(wireSeqOf(event.frame));
      // What was there when the reader began comes in the order in which it is stored.
      const offset = cursor <= tail ? offsetOf(cursor) : liveOffsetOf(cursor);
      return [dataEvent(eventMessage(event, isKnowing)), control(cursor, offset)];
    },
    encodeFrame(frame) {
      if (frame.type === "snapshot") return [dataEvent(snapshotMessage(frame, isKnowing)), control(frame.seq)];
      // Nothing is missing: else the first message says where the reader is.
      if (frame.type === "subscribed" && frame.mode === "live") return control(Math.max(after ?? 0, tail));
      if (frame.type === "error") onEnd();
      return [];
    },
  };
}
