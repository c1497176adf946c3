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
const mostAtOnce = 64;
/** A pull of many does not wait for the last of them: the least that the broker's client takes. */
const burstMs = 1_000;

/** Pulls turns while there is a free slot, until the signal. Each is given away with the slot that was taken for it. */
export function startPulling({ turns, slots, take, signal, log }: PullingDeps): void {
  const createPull = (): (() => Promise<void>) => {
    let most = 1;
    /** With the slot that is taken already. */
    return async () => {
      let wanted = 1;
      while (wanted < most && slots.tryTake()) wanted++;
      let missing = wanted;
      let over = false;
      try {
        await turns.pull(wanted, wanted === 1 ? pullMs : burstMs, (delivery) => {
          // The slot of one that comes after its pull was given up has been released.
          if (over && !slots.tryTake()) return delivery.nak();
          if (!over) missing--;
          take(delivery);
        });
      } finally {
        over = true;
        for (let i = 0; i < missing; i++) slots.release();
      }
      most = missing === 0 ? Math.min(mostAtOnce, most * 2) : 1;
    };
  };
  for (let i = 0; i < pullers; i++) void repeat(createPull(), () => slots.take(signal), signal, log);
}

/** Until the signal; backs off while the broker cannot be asked. */
async function repeat(
  pull: () => Promise<void>,
  takeSlot: () => Promise<boolean>,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
  while (await takeSlot()) {
    try {
      await pull();
      backoff.reset();
    } catch (err) {
      log.debug({ err }, "no turn could be pulled");
      await sleep(backoff.nextMs(), signal);
    }
  }
}
