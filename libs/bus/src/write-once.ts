import { ChatError, encodeEvent, isReadable, type StoredEvent } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { anotherInProcess, EventTooLargeError, wrongLastSequence, type Append, type AppendResult } from "./appender.ts";
import type { EventAtSeq } from "./stored-message.ts";

type AppendMessage = (message: Append) => Promise<AppendResult>;

export interface WriteOnceDeps {
  readonly append: AppendMessage;
  readonly lastFromLeader: (subject: string) => Promise<EventAtSeq | undefined>;
}

/** How long something write-once is tried through broker trouble. */
const writeDeadlineMs = 15_000;

/** What is written, and how it is cut when it is larger than may be stored. */
export interface Writable<T> {
  readonly whole: T;
  readonly encode: (value: T) => Uint8Array;
  readonly shorten?: ((maxBytes: number) => T) | undefined;
  /** Thrown at once where there is no room; default: it is tried on. */
  readonly noRoom?: (description: string) => Error;
}

interface Written<T> {
  /** Undefined: there was one already. */
  readonly seq: number | undefined;
  /** As it was written. */
  readonly value: T;
  /** An earlier try may have been stored without an answer. */
  readonly isRepeated: boolean;
}

/**
 * Writes what may exist only once on its subject. Retries through broker trouble until the deadline, then throws OVERLOADED. What is too large is
 * shortened once; EventTooLargeError when that is not enough.
 */
async function write<T>(
  append: AppendMessage,
  subject: string,
  { whole, encode, shorten, noRoom }: Writable<T>,
  deadline: number,
): Promise<Written<T>> {
  let value = whole;
  let data = encode(value);
  const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
  let cause = "the broker did not answer";
  let isRepeated = false;
  while (performance.now() < deadline) {
    const result = await append({ subject, data, expect: 0 });
    if (result.kind === "stored") return { seq: result.seq, value, isRepeated: false };
    if (result.kind === "too large") {
      if (shorten === undefined || value !== whole) throw new EventTooLargeError(result);
      value = shorten(result.maxBytes);
      data = encode(value);
      continue;
    }
    if (result.kind === "no room") {
      if (noRoom !== undefined) throw noRoom(result.description);
      cause = result.description;
    }
    const refusal = refusalOf(result);
    if (refusal === "there is one") return { seq: undefined, value, isRepeated };
    // Behind another one, ours was not taken; what came without an answer may have been.
    isRepeated ||= refusal !== "behind another";
    await sleep(backoff.nextMs());
  }
  throw overloaded(subject, cause);
}

function refusalOf(result: AppendResult): "there is one" | "behind another" | undefined {
  if (result.kind !== "refused") return undefined;
  if (result.code === anotherInProcess) return "behind another";
  return wrongLastSequence.has(result.code) ? "there is one" : undefined;
}

function overloaded(subject: string, cause: string): ChatError {
  return new ChatError("OVERLOADED", { cause: new Error(`could not write ${subject}: ${cause}`) });
}

export interface FirstOnes<T, Found> {
  readonly append: AppendMessage;
  /** The one that is there, by the leader's word. */
  readonly read: (subject: string) => Promise<Found | undefined>;
  /** Whether the one that is there is ours: an earlier try was stored, and its answer was lost. */
  readonly isSame: (found: Found, own: T) => boolean;
}

export type Raced<T, Found> =
  | { readonly won: true; readonly seq: number | undefined; readonly own: T }
  | { readonly won: false; readonly found: Found };

/** Writes on a subject where the first one counts, and reads that one where it is somebody else's. Tries for 15 s, then throws OVERLOADED. */
export async function raceFor<T, Found>(
  { append, read, isSame }: FirstOnes<T, Found>,
  subject: string,
  writable: Writable<T>,
): Promise<Raced<T, Found>> {
  const deadline = performance.now() + writeDeadlineMs;
  const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
  while (performance.now() < deadline) {
    const { seq, value, isRepeated } = await write(append, subject, writable, deadline);
    if (seq !== undefined) return { won: true, seq, own: value };
    const found = await read(subject).catch(() => undefined);
    // After a retry the one that is there may be our own: the same content is as good as having won.
    if (found !== undefined)
      return isRepeated && isSame(found, value) ? { won: true, seq: undefined, own: value } : { won: false, found };
    await sleep(backoff.nextMs());
  }
  throw overloaded(subject, "what is there could not be read");
}

function isSame({ event }: EventAtSeq, own: StoredEvent): boolean {
  return isReadable(event) && Buffer.compare(encodeEvent(event), encodeEvent(own)) === 0;
}

/** How an event is cut when it is larger than may be stored. */
export type Shorten = (maxBytes: number) => StoredEvent;

export function createWriteOnce({ append, lastFromLeader }: WriteOnceDeps) {
  /** Of the last one that was read: the leader's word on where it stands. */
  const read = (subject: string): Promise<EventAtSeq | undefined> => lastFromLeader(subject);

  return {
    /** The first one wins and is returned to everybody. Tries for 15 s, then throws OVERLOADED; EventTooLargeError at once. */
    async writeOnce(subject: string, whole: StoredEvent, shorten?: Shorten): Promise<EventAtSeq & { won: boolean }> {
      let seen: EventAtSeq | undefined;
      const seeing = async (): Promise<EventAtSeq | undefined> => (seen = await read(subject));
      const raced = await raceFor({ append, read: seeing, isSame }, subject, { whole, encode: encodeEvent, shorten });
      if (!raced.won) return { ...raced.found, won: false };
      return { seq: raced.seq ?? seen?.seq ?? 0, event: raced.own, won: true };
    },

    /** As `writeOnce`, for who does not care which one is there. Resolves to whether there was none. */
    async ensureWritten(subject: string, whole: StoredEvent, shorten?: Shorten): Promise<boolean> {
      const deadline = performance.now() + writeDeadlineMs;
      return (await write(append, subject, { whole, encode: encodeEvent, shorten }, deadline)).seq !== undefined;
    },
  };
}
