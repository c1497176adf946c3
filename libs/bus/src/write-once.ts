import { ChatError, encodeEvent, isReadable, type StoredEvent } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { anotherInProcess, EventTooLargeError, wrongLastSequence, type Append, type AppendResult } from "./appender.ts";
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

interface Written {
  /** Undefined: there was one already. */
  readonly seq: number | undefined;
  /** As it was written. */
  readonly event: StoredEvent;
  /** An earlier try may have been stored without an answer. */
  readonly isRepeated: boolean;
}

/**
 * Writes an event that may exist only once on its subject. Retries through broker trouble until the deadline, then throws OVERLOADED. One that is too
 * large is shortened once; EventTooLargeError when that is not enough.
 */
function createWriting({ append }: Pick<WriteOnceDeps, "append">) {
  return async (subject: string, whole: StoredEvent, deadline: number, shorten?: Shorten): Promise<Written> => {
    let event = whole;
    let data = encodeEvent(event);
    const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
    let cause = "the broker did not answer";
    let isRepeated = false;
    while (performance.now() < deadline) {
      const result = await append({ subject, data, expect: 0 });
      if (result.kind === "stored") return { seq: result.seq, event, isRepeated: false };
      if (result.kind === "too large") {
        if (shorten === undefined || event !== whole) throw new EventTooLargeError(result);
        event = shorten(result.maxBytes);
        data = encodeEvent(event);
        continue;
      }
      if (result.kind === "no room") cause = result.description;
      const isBehind = result.kind === "refused" && result.code === anotherInProcess;
      if (result.kind === "refused" && wrongLastSequence.has(result.code) && !isBehind)
        return { seq: undefined, event, isRepeated };
      // Behind another one, ours was not taken; what came without an answer may have been.
      isRepeated ||= !isBehind;
      await sleep(backoff.nextMs());
    }
    throw overloaded(subject, cause);
  };
}

function overloaded(subject: string, cause: string): ChatError {
  return new ChatError("OVERLOADED", { cause: new Error(`could not write ${subject}: ${cause}`) });
}

export function createWriteOnce({ append, lastFromLeader }: WriteOnceDeps) {
  const write = createWriting({ append });

  return {
    /** The first one wins and is returned to everybody. Tries for 15 s, then throws OVERLOADED; EventTooLargeError at once. */
    async writeOnce(subject: string, whole: StoredEvent, shorten?: Shorten): Promise<EventAtSeq & { won: boolean }> {
      const deadline = performance.now() + writeDeadlineMs;
      const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
      while (performance.now() < deadline) {
        const { seq, event, isRepeated } = await write(subject, whole, deadline, shorten);
        if (seq !== undefined) return { seq, event, won: true };
        const first = await lastFromLeader(subject).catch(() => undefined);
        // After a retry the one that is there may be our own: the same content is as good as having won.
        if (first !== undefined)
          return { ...first, won: isRepeated && isReadable(first.event) && isSame(first.event, event) };
        await sleep(backoff.nextMs());
      }
      throw overloaded(subject, "what is there could not be read");
    },

    /** As `writeOnce`, for who does not care which one is there. */
    async ensureWritten(subject: string, event: StoredEvent, shorten?: Shorten): Promise<void> {
      await write(subject, event, performance.now() + writeDeadlineMs, shorten);
    },
  };
}
