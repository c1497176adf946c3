import { EventTooLargeError, wrongLastSequence, type EventAtSeq, type EventLog } from "@parley/bus";
import { encodeEvent, isReadable, type ChainEvent, type StoredEvent } from "@parley/protocol";
import { createBackoff, sleep, type Backoff } from "@parley/runtime";

/** Another worker owns the turn now, or the broker was away for too long to be sure. Whoever gets it stops at once and leaves no trace. */
export class FencedError extends Error {
  /** Set when nobody else has the turn: the event log was lost, and this attempt with it. */
  readonly lostAttempt: number | undefined;

  constructor(reason: string, lostAttempt?: number) {
    super(`fenced: ${reason}`);
    this.name = "FencedError";
    this.lostAttempt = lostAttempt;
  }
}

export interface FencedAppend {
  readonly events: EventLog;
  readonly subject: string;
  readonly event: ChainEvent;
  /** Sequence of the chain's last event; 0: it has none. */
  readonly expect: number;
  /** How long the append is tried before the worker fences itself. */
  readonly giveUpMs: number;
  /** It may share a write with those of other turns; see `Append`. */
  readonly joins?: boolean;
}

/** Attempts are unique by their claim, and a claim names its worker: no other writer can have written the same. */
function isSame(stored: StoredEvent, mine: ChainEvent): boolean {
  if (!("attempt" in stored) || stored.attempt !== mine.attempt || stored.n !== mine.n) return false;
  return mine.type !== "claimed" || (stored.type === "claimed" && stored.worker === mine.worker);
}

/** What the leader has as the chain's last event; null when it cannot be asked now. */
function lastOf({ events, subject }: FencedAppend): Promise<EventAtSeq | undefined | null> {
  return events.lastFromLeader(subject).catch(() => null);
}

/**
 * One compare-and-set append, tried unchanged through broker trouble. A refusal after an unanswered try may mean that the try was stored:
 * the last event of the subject tells. Returns the stream sequence; throws FencedError when somebody else wrote, or after `giveUpMs`, and
 * EventTooLargeError at once when the event cannot be stored at all.
 */
export async function appendFenced(append: FencedAppend): Promise<number> {
  const { events, subject, event, expect, giveUpMs, joins = false } = append;
  const data = encodeEvent(event);
  const deadline = performance.now() + giveUpMs;
  let unanswered = false;
  // Nearly every append is stored by its first try.
  let backoff: Backoff | undefined;
  do {
    const result = await events.append({ subject, data, expect, joins });
    if (result.kind === "stored") return result.seq;
    if (result.kind === "too large") throw new EventTooLargeError(result);
    if (result.kind === "refused") {
      const seq = await resolveRefusal(append, result, unanswered);
      if (seq !== undefined) return seq;
    } else if (result.kind !== "no room") unanswered = true;
    backoff ??= createBackoff({ minMs: 20, maxMs: 1_000 });
    await sleep(backoff.nextMs());
  } while (performance.now() < deadline);
  throw new FencedError(`the broker did not confirm an event for ${giveUpMs} ms`);
}

/** The sequence when the refused append was stored before; undefined when it is worth another try. */
async function resolveRefusal(
  append: FencedAppend,
  refusal: { code: number; description: string },
  unanswered: boolean,
): Promise<number | undefined> {
  if (!wrongLastSequence.has(refusal.code)) throw new Error(`an event was refused: ${refusal.description}`);
  const last = await lastOf(append);
  if (last === null) return undefined;
  if (unanswered && last !== undefined && isReadable(last.event) && isSame(last.event, append.event)) return last.seq;
  if (last === undefined && append.expect > 0) throw new FencedError("the event log was lost", append.event.attempt);
  if ((last?.seq ?? 0) !== append.expect) throw new FencedError("another worker has the turn");
  return undefined;
}
