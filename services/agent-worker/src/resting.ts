import type { Delivery } from "@parley/bus";

/** All of a delivery that is kept. */
type Resting = Pick<Delivery, "deliveries" | "nak" | "working">;

const firstRestMs = 1_000;
const longestRestMs = 30_000;

/**
 * Deliveries that could not be handled here, because the broker refused or did not answer: kept for a while that grows with every delivery,
 * and then given back, to any worker.
 */
export function createResting() {
  const resting = new Map<Resting, NodeJS.Timeout>();
  /** The process stops: nobody would be left to give it back later. */
  let isOver = false;

  return {
    rest(delivery: Resting): void {
      if (isOver) return delivery.nak();
      const restMs = Math.min(longestRestMs, firstRestMs * 2 ** (delivery.deliveries - 1));
      const timer = setTimeout(() => {
        resting.delete(delivery);
        delivery.nak();
      }, restMs);
      resting.set(delivery, timer);
    },
    held: (): Iterable<Resting> => resting.keys(),
    /** For good: what comes later is given back at once. */
    giveBack(): void {
      isOver = true;
      for (const [delivery, timer] of resting) {
        clearTimeout(timer);
        delivery.nak();
      }
      resting.clear();
    },
  };
}
