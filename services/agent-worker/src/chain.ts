import { wrongLastSequence, type EventLog } from "@parley/bus";
import { encodeEvent, type ChainEvent, type StoredEvent } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { foldEvent, type TurnFold } from "./turn-fold.ts";

/** Another worker owns the turn now, or the broker was away for too long to be sure. Whoever gets it stops at once and leaves no trace. */
export class FencedError extends Error {
  constructor(reason: string) {
    super(`fenced: ${reason}`);
    this.name = "FencedError";
  }
}

/** A chain event without what the chain itself fills in. */
export type NewChainEvent = ChainEvent extends infer E ? (E extends ChainEvent ? Omit<E, Filled> : never) : never;
type Filled = "conversation_id" | "turn_id" | "attempt" | "n" | "ts";

export interface ChainOptions {
  readonly events: EventLog;
  readonly subject: string;
  readonly conversationId: string;
  readonly turnId: string;
  readonly attempt: number;
  /** Holds what is stored, as of the claim; the chain keeps it up to date. */
  readonly fold: TurnFold;
  /** Least time between two appends of text. The first text of a silence goes at once. */
  readonly flushMs: number;
  /** How long an append is tried before the worker fences itself. */
  readonly giveUpMs: number;
  /** Aborted, with a FencedError as reason, when this writer has lost the turn. */
  readonly onFenced: (error: FencedError) => void;
}

export type Chain = ReturnType<typeof createChain>;

/**
 * The writer of a turn's chain of events. Every append expects the sequence of the one before (compare-and-set), and only one is on its
 * way: text that comes meanwhile joins the next. So the batching follows the broker's own speed, and a writer that was presumed dead
 * cannot add one event (P3).
 *
 * States: `idle` (nothing queued) → `writing` (one append on its way, or waiting for the flush floor) → `idle`; from any of them to
 * `fenced`, which is final.
 */
export function createChain(options: ChainOptions) {
  const { events, subject, fold, attempt, flushMs, giveUpMs } = options;
  const queue: NewChainEvent[] = [];
  let n = 1;
  let writing: Promise<void> | undefined;
  let fenced: FencedError | undefined;
  let textAt = -Infinity;
  let wake: (() => void) | undefined;

  const complete = (event: NewChainEvent): ChainEvent => ({
    ...event,
    conversation_id: options.conversationId,
    turn_id: options.turnId,
    attempt,
    n: n++,
    ts: Date.now(),
  });

  /** Waits out the flush floor, unless something that is not text comes to be written. */
  const floor = async (): Promise<void> => {
    const waitMs = textAt + flushMs - performance.now();
    if (waitMs <= 0 || queue.length > 1) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = undefined;
  };

  const writeAll = async (): Promise<void> => {
    while (queue.length > 0) {
      if (queue[0]?.type === "token") await floor();
      const next = queue.shift();
      if (next === undefined) continue;
      const event = complete(next);
      foldEvent(fold, await appendFenced({ events, subject, event, expect: fold.seq, giveUpMs }), event);
      if (event.type === "token") textAt = performance.now();
    }
  };

  const start = (): void => {
    if (writing !== undefined) return;
    writing = writeAll()
      .catch((error: unknown) => {
        fenced = error instanceof FencedError ? error : new FencedError(String(error));
        queue.length = 0;
        options.onFenced(fenced);
      })
      .finally(() => {
        writing = undefined;
        // Something may have been pushed between the last look at the queue and this line.
        if (queue.length > 0) start();
      });
  };

  const push = (event: NewChainEvent): void => {
    if (fenced !== undefined) return;
    queue.push(event);
    wake?.();
    start();
  };

  return {
    push,

    /** Adds text to the answer. Text that is still queued is joined. */
    text(token: string): void {
      const last = queue.at(-1);
      if (last?.type === "token") last.token += token;
      else push({ type: "token", token });
    },

    /** Drops text that is not on its way yet: after a cancel nobody shall see more. */
    dropQueuedText(): void {
      for (let i = queue.length - 1; i >= 0; i--) if (queue[i]?.type === "token") queue.splice(i, 1);
    },

    /** Resolves when everything pushed so far is stored. Throws FencedError when the turn is lost. */
    async stored(): Promise<void> {
      while (writing !== undefined) await writing;
      if (fenced !== undefined) throw fenced;
    },
  };
}

interface FencedAppend {
  readonly events: EventLog;
  readonly subject: string;
  readonly event: ChainEvent;
  readonly expect: number;
  readonly giveUpMs: number;
}

/**
 * One compare-and-set append, tried unchanged through broker trouble. A refusal after an unanswered try may mean that the try was stored:
 * the last event of the subject tells. Returns the stream sequence; throws FencedError when somebody else wrote, or after `giveUpMs`.
 */
export async function appendFenced({ events, subject, event, expect, giveUpMs }: FencedAppend): Promise<number> {
  const data = encodeEvent(event);
  const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
  const deadline = performance.now() + giveUpMs;
  let unanswered = false;
  while (performance.now() < deadline) {
    const result = await events.append({ subject, data, expect });
    if (result.kind === "stored") return result.seq;
    if (result.kind === "unknown") unanswered = true;
    if (result.kind === "refused") {
      if (!wrongLastSequence.has(result.code))
        throw new Error(`the event stream refused an event: ${result.description}`);
      const last = await events.lastFromLeader(subject).catch(() => null);
      if (last !== null) {
        if (unanswered && last !== undefined && isSame(last.event, event)) return last.seq;
        if ((last?.seq ?? 0) !== expect) throw new FencedError("another worker has the turn");
      }
    }
    await sleep(backoff.nextMs());
  }
  throw new FencedError(`the broker did not confirm an event for ${giveUpMs} ms`);
}

/** Attempts are unique by their claim, and a claim names its worker: no other writer can have written the same. */
function isSame(stored: StoredEvent, mine: ChainEvent): boolean {
  if (!("attempt" in stored) || stored.attempt !== mine.attempt || stored.n !== mine.n) return false;
  return mine.type !== "claimed" || (stored.type === "claimed" && stored.worker === mine.worker);
}
