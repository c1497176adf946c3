import type { Delivery, TurnQueue } from "@parley/bus";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import type { Slots } from "./slots.ts";

export interface PullingDeps {
  readonly turns: Pick<TurnQueue, "pull">;
  readonly slots: Slots;
  readonly take: (delivery: Delivery) => void;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * Few pulls wait at the broker at a time, and not for long: what is delivered to a frozen worker is lost until the ack wait is over, and a
 * pull of its own would swallow the redelivery too (seen with one pull per slot: 25 s until a takeover instead of 3).
 */
const pullers = 2;
const pullMs = 3_000;
/** While turns wait in the queue, each pull takes twice as many as the one before, up to this: a busy process comes to pull but seldom. */
const mostAtOnce = 16;
/** A pull of many does not wait for the last of them: the least that the broker's client takes. */
const burstMs = 1_000;

/** Pulls turns while there is a free slot, until the signal. */
export function startPulling({ turns, slots, take, signal, log }: PullingDeps): void {
  /** Turns that pulls have asked for and not got: their slots are spoken for. */
  let asked = 0;

  const createPull = (): (() => Promise<void>) => {
    let most = 1;
    return async () => {
      const wanted = Math.max(1, Math.min(most, slots.room() - asked));
      let missing = wanted;
      let over = false;
      asked += wanted;
      try {
        await turns.pull(wanted, wanted === 1 ? pullMs : burstMs, (delivery) => {
          if (!over) asked--;
          missing--;
          take(delivery);
        });
      } finally {
        // One that comes after a pull was given up is taken, but its slot is no longer counted as asked for.
        over = true;
        asked -= missing;
      }
      most = missing === 0 ? Math.min(mostAtOnce, most * 2) : 1;
    };
  };
  for (let i = 0; i < pullers; i++) void repeat(createPull(), () => slots.free(signal), signal, log);
}

/** Until the signal; backs off while the broker cannot be asked. */
async function repeat(
  pull: () => Promise<void>,
  ready: () => Promise<void>,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
  while (!signal.aborted) {
    await ready();
    try {
      await pull();
      backoff.reset();
    } catch (err) {
      log.debug({ err }, "no turn could be pulled");
      await sleep(backoff.nextMs(), signal);
    }
  }
}
