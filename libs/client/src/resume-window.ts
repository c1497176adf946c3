/**
 * Lets only a few conversations at a time ask for what they missed: a server closes a socket for good that sends more frames at once than it
 * queues, and a client that had many conversations open must not do that to itself by reconnecting.
 */
export interface ResumeWindow<T> {
  readonly start: (items: Iterable<T>) => void;
  /** The item has its answer. */
  readonly answered: (item: T) => void;
  /** The item was told to wait, as the next ones would be: its place is taken for so long. */
  readonly hold: (item: T, forMs: number) => void;
  readonly stop: () => void;
}

/** `resume` returns whether an answer will come. */
export function createResumeWindow<T>(size: number, resume: (item: T) => boolean): ResumeWindow<T> {
  let waiting: T[] = [];
  const asked = new Set<T>();
  const held = new Set<ReturnType<typeof setTimeout>>();

  function answered(item: T): void {
    if (asked.delete(item)) fill();
  }

  function stop(): void {
    held.forEach(clearTimeout);
    held.clear();
    asked.clear();
    waiting = [];
  }

  function fill(): void {
    while (asked.size < size) {
      const item = waiting.shift();
      if (item === undefined) return;
      if (resume(item)) asked.add(item);
    }
  }
  return {
    start: (items) => {
      stop();
      waiting = [...items];
      fill();
    },
    answered,
    hold: (item, forMs) => {
      // A timer that has rung is of no more weight than its id.
      if (asked.has(item)) held.add(setTimeout(answered, forMs, item));
    },
    stop,
  };
}
