/** So many more than the limit may run for those who would else wait for one user's turns: this share of it, and at least one. */
const extraShare = 1 / 8;
/** A user has many when it is so many, and that share of all: what goes beyond the limit is no more than what they have. */
const leastMany = 4;

export type Slots = ReturnType<typeof createSlots>;

/** Who waits for a place, in the order in which they came. */
function createTakers() {
  const waiting = new Set<() => void>();
  return {
    size: (): number => waiting.size,
    first: (): (() => void) | undefined => [...waiting][0],
    /** Resolves when it is given a place, or to false when the signal is aborted before. */
    wait: (signal: AbortSignal): Promise<boolean> =>
      new Promise((resolve) => {
        const settle = (isTaken: boolean): void => {
          waiting.delete(grant);
          signal.removeEventListener("abort", giveUp);
          resolve(isTaken);
        };
        const grant = (): void => settle(true);
        const giveUp = (): void => settle(false);
        waiting.add(grant);
        signal.addEventListener("abort", giveUp, { once: true });
      }),
  };
}

async function occupied(work: () => Promise<void>, release: () => void): Promise<void> {
  try {
    await work();
  } finally {
    release();
  }
}

/**
 * A bounded number of places in which turns run. One is taken before there is a turn for it: who asks the broker for turns has a place for
 * each that may come. The number may change: more are free at once, fewer as those that are taken are released.
 *
 * A place that is free goes to whoever waits in `take`, then to a turn that is here already (`serve`), then to whoever waits in `takeSpare`.
 */
export function createSlots(initialLimit: number) {
  let limit = initialLimit;
  const waiting = createTakers();
  const spare = createTakers();
  let taken = 0;
  let beginHere = (): boolean => false;

  const tryTakeOf = (most: number): boolean => {
    if (taken >= most) return false;
    taken++;
    return true;
  };
  const tryTake = (): boolean => tryTakeOf(limit);
  /** Without having been free: nobody can slip in between. */
  const handOut = (): void => {
    while (tryTake()) {
      const first = waiting.first();
      if (first === undefined && beginHere()) continue;
      const grant = first ?? spare.first();
      if (grant === undefined) return void taken--;
      grant();
    }
  };
  const takeAmong = async ({ wait }: ReturnType<typeof createTakers>, signal: AbortSignal): Promise<boolean> =>
    !signal.aborted && (tryTake() || (await wait(signal)));
  const release = (): void => {
    taken--;
    handOut();
  };

  return {
    tryTake,
    release,
    taken: (): number => taken,
    /** How many wait in `takeSpare`: as long as one does, none is free. */
    spareWaiting: spare.size,

    /** Takes a place beyond the limit, for somebody of whom nothing runs while one user has `mostOfOne` places. */
    tryTakeExtra(mostOfOne: number): boolean {
      const extra = Math.max(1, Math.floor(limit * extraShare));
      return mostOfOne >= Math.max(leastMany, extra) && tryTakeOf(limit + extra);
    },

    resize(newLimit: number): void {
      limit = newLimit;
      handOut();
    },

    /** Who begins turns that are here already: called with a place; returns whether it has a turn for it. */
    serve(begin: () => boolean): void {
      beginHere = begin;
    },

    /** Waits for a place and takes it. False: the signal was aborted before. */
    take: (signal: AbortSignal): Promise<boolean> => takeAmong(waiting, signal),
    takeSpare: (signal: AbortSignal): Promise<boolean> => takeAmong(spare, signal),

    /** Does the work in a place that was taken for it, and releases that. */
    occupy: (work: () => Promise<void>): Promise<void> => occupied(work, release),
  };
}
