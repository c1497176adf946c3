import { EventTooLargeError, type EventLog } from "@parley/bus";
import type { ChainEvent } from "@parley/protocol";
import { FencedError, appendFenced, type FencedAppend } from "./fenced-append.ts";
import { createPendingEvents, isStreamed, type NewChainEvent, type PendingEvents } from "./pending-events.ts";
import { foldEvent, type TurnFold } from "./turn-fold.ts";

export interface ChainOptions {
  readonly events: EventLog;
  readonly subject: string;
  readonly conversationId: string;
  readonly turnId: string;
  readonly attempt: number;
  /** Holds what is stored, as of the claim; the chain keeps it up to date. */
  readonly fold: TurnFold;
  /** Least time between two appends of text, at this moment. The first text of a silence goes at once. */
  readonly flushMs: () => number;
  /** How long an append is tried before the worker fences itself. */
  readonly giveUpMs: number;
  /** Called once, when this writer has lost the turn. */
  readonly onFenced: (error: FencedError) => void;
  /** Called when an event is too large to be stored: what was pushed after it is dropped too, until `resume`. */
  readonly onTooLarge: (error: EventTooLargeError) => void;
}

export type Chain = ReturnType<typeof createChain>;

/**
 * The writer of a turn's chain of events. Every append expects the sequence of the one before (compare-and-set), and only one is on its
 * way: text that comes meanwhile joins the next. So the batching follows the broker's own speed, and a writer that was presumed dead
 * cannot add one event (P3).
 *
 * States: `idle` (nothing queued) → `writing` (one append on its way, or waiting for the flush floor) → `idle` | `stuck` (an event is too
 * large: nothing may follow the hole it leaves) → `idle` again by `resume`; from any of them to `fenced`, which is final.
 */
export function createChain({ onFenced, onTooLarge, ...options }: ChainOptions) {
  const pending = createPendingEvents(options.flushMs);
  const writer = createWriter(options);
  let writing: Promise<void> | undefined;
  let fenced: FencedError | undefined;
  let stuck: EventTooLargeError | undefined;

  const fail = (error: unknown): void => {
    pending.clear();
    if (error instanceof EventTooLargeError) {
      stuck = error;
      return onTooLarge(error);
    }
    fenced = error instanceof FencedError ? error : new FencedError(String(error));
    onFenced(fenced);
  };

  const start = (): void => {
    writing ??= writeAll(pending, writer)
      .catch(fail)
      .finally(() => {
        writing = undefined;
        // Something may have been pushed between the last look at the queue and this line.
        if (!pending.isEmpty()) start();
      });
  };

  const add = (addTo: () => void): void => {
    if (fenced !== undefined || stuck !== undefined) return;
    addTo();
    start();
  };

  const settled = async (): Promise<void> => {
    pending.hurry();
    while (writing !== undefined) await writing;
    if (fenced !== undefined) throw fenced;
  };

  return {
    push: (event: NewChainEvent): void => add(() => pending.push(event)),

    /** Adds text to the answer. Text that is still queued is joined. */
    text: (token: string): void => add(() => pending.addText({ type: "token", token })),

    /** The same for the model's reasoning. */
    reasoning: (token: string, isShown: boolean): void =>
      add(() => pending.addText({ type: "reasoning", token, ...(isShown ? { shown: true } : {}) })),

    /**
     * Resolves when nothing is on its way any more. If an event was too large, the chain goes on with what is pushed from now on. Throws
     * FencedError when the turn is lost.
     */
    async resume(): Promise<void> {
      await settled();
      stuck = undefined;
    },

    /** Drops text that is not on its way yet: after a cancel nobody shall see more. */
    dropQueuedText: pending.dropText,

    /** Resolves when everything pushed so far is stored. Throws FencedError when the turn is lost, EventTooLargeError when an event is. */
    async stored(): Promise<void> {
      await settled();
      if (stuck !== undefined) throw stuck;
    },
  };
}

async function writeAll(pending: PendingEvents, writer: ReturnType<typeof createWriter>): Promise<void> {
  while (!pending.isEmpty()) {
    const wait = pending.wait();
    if (wait !== undefined) await wait;
    const next = pending.take();
    if (next === undefined) continue;
    const append = writer.appendOf(next);
    writer.stored(append.event, await appendFenced(append));
  }
}

/** One event after the other, numbered from 1 (the claim is 0). */
function createWriter({
  events,
  subject,
  conversationId,
  turnId,
  attempt,
  fold,
  giveUpMs,
}: Omit<ChainOptions, "onFenced" | "onTooLarge">) {
  let n = 1;
  let previous: ChainEvent["type"] | undefined;
  const complete = (event: NewChainEvent): ChainEvent =>
    // Not `{ ...event, conversation_id }`: with as many shapes as there are events V8 takes ten times as long for that.
    Object.assign({}, event, { conversation_id: conversationId, turn_id: turnId, attempt, n, ts: Date.now() });
  return {
    appendOf(next: NewChainEvent): FencedAppend {
      // Text behind text: the first of an answer, and of a step, is waited for.
      const joins = isStreamed(next) && next.type === previous;
      return { events, subject, event: complete(next), expect: fold.seq, giveUpMs, joins };
    },
    stored(event: ChainEvent, seq: number): void {
      foldEvent(fold, seq, event);
      previous = event.type;
      // The number of an event that was too large goes to the next one: the chain has no hole.
      n++;
    },
  };
}
