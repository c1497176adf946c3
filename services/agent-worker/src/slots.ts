/** So many more than the limit may run for those who would else wait for one user's turns: this share of it, and at least one. */
const extraShare = 1 / 8;
/** A user has many when it is so many, and that share of all: what goes beyond the limit is no more than what they have. */
const leastMany = 4;

export type Slots = ReturnType<typeof createSlots>;

/**
 * A bounded number of places in which turns run. One is taken before there is a turn for it: who asks the broker for turns has a place for
 * each that may come. The number may change: more are free at once, fewer as those that are taken are released.
 *
 * A place that is free goes to whoever waits in `take`, then to a turn that is here already (`serve`), then to whoever waits in `takeSpare`.
 */
export function createSlots(initialLimit: number) {
  let limit = initialLimit;
  /** In the order in which they came. */
  const waiting = new Set<() => void>();
  const spare = new Set<() => void>();
  let taken = 0;
  let beginHere = (): boolean => false;

  const tryTake = (): boolean => {
    if (taken >= limit) return false;
    taken++;
    return true;
  };
  /** Goes to who has waited longest, without having been free: nobody can slip in between. */
  const handOut = (): void => {
    while (taken < limit) {
      taken++;
      const [first] = waiting;
      if (first === undefined && beginHere()) continue;
      const grant = first ?? [...spare][0];
      if (grant !== undefined) grant();
      else return void taken--;
    }
  };
  const release = (): void => {
    taken--;
    handOut();
  };

  /** Waits for a place and takes it. False: the signal was aborted before. */
  const takeAmong = async (others: Set<() => void>, signal: AbortSignal): Promise<boolean> => {
    if (signal.aborted) return false;
    if (tryTake()) return true;
    return new Promise((resolve) => {
      const settle = (isTaken: boolean): void => {
        others.delete(grant);
        signal.removeEventListener("abort", giveUp);
        resolve(isTaken);
      };
      const grant = (): void => settle(true);
      const giveUp = (): void => settle(false);
      others.add(grant);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  };

  return {
    tryTake,
    /** Takes a place beyond the limit, for somebody of whom nothing runs while one user has `mostOfOne` places. */
    tryTakeExtra(mostOfOne: number): boolean {
      const extra = Math.max(1, Math.floor(limit * extraShare));
      if (mostOfOne < Math.max(leastMany, extra) || taken >= limit + extra) return false;
      taken++;
      return true;
    },
    release,
    taken: (): number => taken,
    /** How many wait in `takeSpare`: as long as one does, none is free. */
    spareWaiting: (): number => spare.size,

    resize(newLimit: number): void {
      limit = newLimit;
      handOut();
    },

    /** Who begins turns that are here already: called for a place that is free; returns whether it has taken it. */
    serve(begin: () => boolean): void {
      beginHere = begin;
    },

    take: (signal: AbortSignal): Promise<boolean> => takeAmong(waiting, signal),
    takeSpare: (signal: AbortSignal): Promise<boolean> => takeAmong(spare, signal),

    /** Does the work in a place that was taken for it, and releases that. */
    async occupy(work: () => Promise<void>): Promise<void> {
      try {
        await work();
      } finally {
        release();
      }
    },
  };
}
