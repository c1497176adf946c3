import type { Delivery, TurnQueue } from "@parley/bus";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import type { Slots } from "./slots.ts";

export interface PullingDeps {
  readonly turns: Pick<TurnQueue, "pull">;
  readonly slots: Slots;
  /** With the slot that was taken for it. */
  readonly take: (delivery: Delivery) => void;
  /** The same without a slot: it may have to wait here for one. */
  readonly queue: (delivery: Delivery) => void;
  /** How many may be queued here at the moment. */
  readonly room: () => number;
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
/** How often a worker without a free slot looks who waits in the queue. */
const lookAheadMs = 100;
/** In one look; while all of them come there is another one at once. */
const mostAhead = 64;

/**
 * Pulls turns while there is a free slot, until the signal: each is given away with the slot that was taken for it. While there is none, turns are taken out
 * of the queue that wait here: only who sees them can let a newcomer pass somebody's hundred. None of these pulls waits at the broker, so that what
 * others have slots for goes to them.
 */
export function startPulling(deps: PullingDeps) {
  const { slots, signal, log } = deps;
  const pulls = Array.from({ length: pullers }, () => createPull(deps));
  for (const { pull } of pulls) void repeat(pull, () => slots.takeSpare(signal), signal, log);
  const ahead = createLookAhead(deps);
  void repeat(ahead.pull, ahead.mayPull, signal, log);
  return {
    /** A slot that a pull holds and has nothing for, for a turn that came another way. Returns whether there is one. */
    lend: (): boolean => pulls.some(({ lend }) => lend()),
    pause: ahead.pause,
  };
}

/** One pull after the other, each with slots for what it asks for. */
function createPull({ turns, slots, take, queue }: PullingDeps) {
  let most = 1;
  /** Slots of the pull that waits. */
  let free = 0;
  return {
    lend(): boolean {
      if (free === 0) return false;
      free--;
      return true;
    },
    /** With the slot that is taken already. */
    async pull(): Promise<void> {
      let wanted = 1;
      while (wanted < most && slots.tryTake()) wanted++;
      let missing = (free = wanted);
      let over = false;
      try {
        await turns.pull(wanted, wanted === 1 ? pullMs : burstMs, (delivery) => {
          // The slot of one that comes after its pull was given up has been released.
          if (over) return queue(delivery);
          missing--;
          if (free === 0) return queue(delivery);
          free--;
          take(delivery);
        });
      } finally {
        over = true;
        for (; free > 0; free--) slots.release();
      }
      most = missing === 0 ? Math.min(mostAtOnce, most * 2) : 1;
    },
  };
}

function createLookAhead({ turns, slots, queue, room, signal }: PullingDeps) {
  let pausedUntil = 0;
  let waitMs = lookAheadMs;

  return {
    /** What was given back is for others. */
    pause(ms: number): void {
      pausedUntil = performance.now() + ms;
    },
    async mayPull(): Promise<boolean> {
      for (; !signal.aborted; waitMs = lookAheadMs) {
        if (waitMs > 0) await sleep(waitMs, signal);
        const isFull = slots.spareWaiting() === pullers;
        if (isFull && room() > 0 && performance.now() >= pausedUntil) break;
      }
      return !signal.aborted;
    },
    async pull(): Promise<void> {
      const most = Math.min(mostAhead, room());
      let came = 0;
      await turns.pull(most, 0, (delivery) => {
        came++;
        queue(delivery);
      });
      waitMs = came < most ? lookAheadMs : 0;
    },
  };
}

/** Until the signal; backs off while the broker cannot be asked. */
async function repeat(
  pull: () => Promise<void>,
  mayPull: () => Promise<boolean>,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
  while (await mayPull()) {
    try {
      await pull();
      backoff.reset();
    } catch (err) {
      log.debug({ err }, "no turn could be pulled");
      await sleep(backoff.nextMs(), signal);
    }
  }
}
