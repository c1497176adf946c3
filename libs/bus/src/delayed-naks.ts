import type { NatsConnection } from "@nats-io/transport-node";
import { withDeadline } from "@parley/runtime";
import { isAckSubject } from "./ack-subject.ts";

/** Between two batches, on average. */
const batchMs = 100;
/** Batches that may follow each other sooner, after as many silences; each puts the broker's look off once. */
const burst = 8;
const burstGapMs = 10;
const flushMs = 2_000;
/** The longest that a turn is put back for. */
export const longestDelayMs = 24 * 60 * 60_000;
const nanosPerMs = 1_000_000;

/** The broker takes whole nanoseconds: a fraction, or an exponent, counts as now. */
function delayed(delayMs: number): string {
  const ms = Math.round(Math.min(longestDelayMs, Math.max(1, delayMs)));
  return `-NAK {"delay":${ms * nanosPerMs}}`;
}

/** Stored: the broker knows after a restart that it is due. And the one that needs no timer. Either alone has a hole. */
const plainNak = "-NAK";
const wakeWords = ['-NAK {"delay":1}', plainNak];

interface Answer {
  readonly reply: string;
  readonly words: readonly string[];
  readonly onSent: () => void;
}

export type DelayedNaks = ReturnType<typeof createDelayedNaks>;

/**
 * Delayed answers to deliveries, in batches. Each puts the broker's look for the turns of dead workers off by 10 ms: at one each 5 ms it never comes to
 * it, and any number in one write cost no more than one. The first ones after a silence leave almost at once: people who decide one after the other do not wait
 * for each other.
 */
export function createDelayedNaks(nc: NatsConnection) {
  let waiting: Answer[] = [];
  let window: NodeJS.Timeout | undefined;
  let credit = burst;
  let openedAt = performance.now();

  const sendAll = async (): Promise<void> => {
    const answers = waiting;
    waiting = [];
    // The connection may be closing; the turn then comes again when the ack wait is over.
    if (!nc.isClosed() && !nc.isDraining()) {
      for (const { reply, words } of answers) for (const word of words) nc.publish(reply, word);
      await withDeadline(nc.flush(), flushMs, "putting turns back").catch(() => {});
    }
    for (const { onSent } of answers) onSent();
  };
  const open = (): void => {
    const now = performance.now();
    credit = Math.min(burst, credit + (now - openedAt) / batchMs) - 1;
    openedAt = now;
    void sendAll();
    window = setTimeout(close, credit >= 1 ? burstGapMs : batchMs);
  };
  const close = (): void => {
    window = undefined;
    if (waiting.length > 0) open();
  };
  const send = (reply: string, words: readonly string[]): Promise<void> =>
    new Promise((onSent) => {
      waiting.push({ reply, words, onSent });
      if (window === undefined) open();
    });

  return {
    /** Resolves when the broker has it, or cannot be reached. */
    putBack: (reply: string, delayMs: number): Promise<void> => send(reply, [delayed(delayMs)]),

    /** At once: the plain answer puts nothing off. A broker that is killed before anybody has got the turn forgets it: for those who look again. */
    wakeUnstored(reply: string): void {
      if (isAckSubject(reply) && !nc.isClosed() && !nc.isDraining()) nc.publish(reply, plainNak);
    },

    /** The same as to put back. What is no subject to answer on is ignored. */
    async wake(reply: string): Promise<void> {
      if (isAckSubject(reply)) await send(reply, wakeWords);
    },
  };
}
