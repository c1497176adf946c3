/** Counters throw on what they cannot count (a provider's negative usage), in the middle of a turn. A figure less is better than a turn less. */
export function harmless<Args extends unknown[]>(count: (...args: Args) => void): (...args: Args) => void {
  return (...args) => {
    try {
      count(...args);
    } catch {
      // Nothing that comes here can be mended here, and each turn would log it.
    }
  };
}
