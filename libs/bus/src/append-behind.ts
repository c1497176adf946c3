import { ChatError, encodeJson } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { EventTooLargeError, NoRoomError, wrongLastSequence, type Append, type AppendResult } from "./appender.ts";

/** How long it is tried through broker trouble. */
const writeDeadlineMs = 15_000;

export interface LastOne<T> {
  readonly seq: number;
  /** Undefined: what is there cannot be read. */
  readonly value: T | undefined;
}

export interface BehindDeps<T> {
  readonly append: (message: Append) => Promise<AppendResult>;
  /** The last message of the subject, by the leader's word; undefined: there is none. */
  readonly last: (subject: string) => Promise<LastOne<T> | undefined>;
  /** Of what is appended, see `Append`. */
  readonly tenant?: string | undefined;
  readonly isPlain?: boolean;
}

export interface Appended<T> {
  readonly seq: number;
  readonly value: T;
}

/**
 * Appends to a subject on which the last message counts: what `next` makes of the last one, if nothing came in between (compare-and-set); else it is
 * asked again. `next` also gets what was tried before and may have been stored without an answer: it must know its own. Undefined from it: there is
 * nothing to be written. Throws what `next` throws, and OVERLOADED when the broker has not answered for 15 s or has no room.
 */
export async function appendBehind<T extends object>(
  { append, last, tenant, isPlain }: BehindDeps<T>,
  subject: string,
  next: (last: LastOne<T> | undefined, tried: T | undefined) => Promise<T | undefined> | T | undefined,
): Promise<Appended<T> | undefined> {
  const backoff = createBackoff({ minMs: 10, maxMs: 1_000 });
  const deadline = performance.now() + writeDeadlineMs;
  let tried: T | undefined;
  let cause = "the broker did not answer";
  while (performance.now() < deadline) {
    const found = await last(subject);
    const value = await next(found, tried);
    if (value === undefined) return undefined;
    const result = await append({ subject, data: encodeJson(value), expect: found?.seq ?? 0, tenant, isPlain });
    if (result.kind === "stored") return { seq: result.seq, value };
    if (result.kind === "too large") throw new EventTooLargeError(result);
    if (result.kind === "no room") throw new NoRoomError(result.description);
    if (result.kind === "unknown") tried = value;
    if (result.kind === "refused" && !wrongLastSequence.has(result.code)) cause = result.description;
    await sleep(backoff.nextMs());
  }
  throw new ChatError("OVERLOADED", { cause: new Error(`could not write ${subject}: ${cause}`) });
}
