import type { Outlet } from "./outlet.ts";

export type Laggards = ReturnType<typeof createLaggards>;

/** The sockets that do not keep up, in the order in which they began to lag, and what they have unsent. */
export function createLaggards() {
  const unsent = new Map<Outlet, number>();
  let totalBytes = 0;

  return {
    /** It lags, with so much unsent. */
    set(outlet: Outlet, bufferedBytes: number): void {
      totalBytes += bufferedBytes - (unsent.get(outlet) ?? 0);
      unsent.set(outlet, bufferedBytes);
    },

    /** It lags no more, or is gone. */
    delete(outlet: Outlet): void {
      totalBytes -= unsent.get(outlet) ?? 0;
      unsent.delete(outlet);
    },

    /** Those to give up, so that the others' unsent bytes stay below the limit. */
    *beyond(maxTotalBytes: number): Iterable<Outlet> {
      for (const outlet of unsent.keys()) {
        if (totalBytes <= maxTotalBytes) return;
        yield outlet;
      }
    },

    /** Those that have lagged since before. */
    *since(beforeMs: number): Iterable<Outlet> {
      for (const outlet of unsent.keys()) {
        if (outlet.laggingSinceMs > beforeMs) return;
        yield outlet;
      }
    },

    stats: () => ({ laggards: unsent.size, bufferedBytes: totalBytes }),
  };
}
