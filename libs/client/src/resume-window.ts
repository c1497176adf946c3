/**
 * Lets only a few conversations at a time ask for what they missed: a server closes a socket for good that sends more frames at once than it
 * queues, and a client that had many conversations open must not do that to itself by reconnecting.
 */
export interface ResumeWindow<T> {
  readonly start: (items: Iterable<T>) => void;
  /** The item has its answer. */
  readonly answered: (item: T) => void;
  readonly stop: () => void;
}

/** `resume` returns whether an answer will come. */
export function createResumeWindow<T>(size: number, resume: (item: T) => boolean): ResumeWindow<T> {
  let waiting: T[] = [];
  const asked = new Set<T>();

  function fill(): void {
    while (asked.size < size) {
      const item = waiting.shift();
      if (item === undefined) return;
      if (resume(item)) asked.add(item);
    }
  }
  return {
    start: (items) => {
      asked.clear();
      waiting = [...items];
      fill();
    },
    answered: (item) => {
      if (asked.delete(item)) fill();
    },
    stop: () => {
      asked.clear();
      waiting = [];
    },
  };
}
