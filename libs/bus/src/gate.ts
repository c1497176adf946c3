/** Lets a bounded number of callers in at a time; the others wait in the order in which they came. */
export function createGate(limit: number) {
  const waiting: (() => void)[] = [];
  let inside = 0;

  const enter = (): Promise<void> => {
    inside++;
    return inside <= limit ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    inside--;
    waiting.shift()?.();
  };

  return async <T>(work: () => Promise<T>): Promise<T> => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
