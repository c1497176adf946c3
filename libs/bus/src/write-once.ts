import { ChatError, encodeEvent, isReadable, type StoredEvent } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { EventTooLargeError, wrongLastSequence, type Append, type AppendResult } from "./appender.ts";
import type { EventAtSeq } from "./stored-message.ts";

export interface WriteOnceDeps {
  readonly append: (message: Append) => Promise<AppendResult>;
  readonly lastFromLeader: (subject: string) => Promise<EventAtSeq | undefined>;
}

/** How long a write-once event is tried through broker trouble. */
const writeDeadlineMs = 15_000;

function isSame(one: StoredEvent, other: StoredEvent): boolean {
  return Buffer.compare(encodeEvent(one), encodeEvent(other)) === 0;
}

/** How an event is cut when it is larger than may be stored. */
export type Shorten = (maxBytes: number) => StoredEvent;

/**
 * Writes an event that may exist only once on its subject; the first one wins and is returned to everybody. Retries through broker trouble
 * for 15 s, then throws OVERLOADED. One that is too large is shortened once; EventTooLargeError when that is not enough.
 */
export function createWriteOnce({ append, lastFromLeader }: WriteOnceDeps) {
  return async (subject: string, whole: StoredEvent, shorten?: Shorten): Promise<EventAtSeq & { won: boolean }> => {
    let event = whole;
    let data = encodeEvent(event);
    const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
    const deadline = performance.now() + writeDeadlineMs;
    let cause = "the broker did not answer";
    for (let tries = 1; performance.now() < deadline; tries++) {
      const result = await append({ subject, data, expect: 0 });
      if (result.kind === "stored") return { seq: result.seq, event, won: true };
      if (result.kind === "too large") {
        if (shorten === undefined || event !== whole) throw new EventTooLargeError(result);
        event = shorten(result.maxBytes);
        data = encodeEvent(event);
        continue;
      }
      if (result.kind === "no room") cause = result.description;
      if (result.kind === "refused" && wrongLastSequence.has(result.code)) {
        const first = await lastFromLeader(subject).catch(() => undefined);
        // After a retry the one that is there may be our own: the same content is as good as having won.
        if (first !== undefined)
          return { ...first, won: tries > 1 && isReadable(first.event) && isSame(first.event, event) };
      }
      await sleep(backoff.nextMs());
    }
    throw new ChatError("OVERLOADED", { cause: new Error(`could not write ${subject}: ${cause}`) });
  };
}
