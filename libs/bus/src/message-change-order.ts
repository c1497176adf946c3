/** One change of a message after the other within this process: those that run side by side would only refuse each other. */
export function createChangeOrder() {
  const last = new Map<string, Promise<unknown>>();
  return async <T>(subject: string, change: () => Promise<T>): Promise<T> => {
    const before = last.get(subject) ?? Promise.resolve();
    const mine = before.then(change);
    const over = mine.catch(() => {});
    last.set(subject, over);
    try {
      return await mine;
    } finally {
      if (last.get(subject) === over) last.delete(subject);
    }
  };
}

/** Changes of which this process remembers that their event is there: some 200 bytes each. The oldest go. */
const mostTold = 10_000;

export function createToldChanges() {
  const known = new Map<string, number>();
  return {
    /** Whether nobody here has looked after this one yet. */
    isFirst(subject: string, n: number): boolean {
      if ((known.get(subject) ?? 0) >= n) return false;
      known.delete(subject);
      known.set(subject, n);
      const [oldest] = known.keys();
      if (known.size > mostTold && oldest !== undefined) known.delete(oldest);
      return true;
    },
    forget: (subject: string): boolean => known.delete(subject),
  };
}
