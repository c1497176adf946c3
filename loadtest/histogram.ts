/**
 * Values in ms, counted in buckets whose width grows with the value, so that percentiles of many generators can be put
 * together exactly: that is impossible with percentiles themselves. The error of a value is under 2 %.
 */

const growth = 1.04;
const smallestMs = 0.05;
const logOfGrowth = Math.log(growth);

/** Bucket number, and how many values are in it. */
export type Buckets = [bucket: number, count: number][];

export interface Histogram {
  add(valueMs: number): void;
  merge(buckets: Buckets): void;
  /** All that was added since the last call. */
  drain(): Buckets;
  count(): number;
  /** The value that the given share (0 to 1) of all values does not exceed. Undefined: there are none. */
  quantile(share: number): number | undefined;
}

export function bucketOf(valueMs: number): number {
  return valueMs < smallestMs ? 0 : 1 + Math.floor(Math.log(valueMs / smallestMs) / logOfGrowth);
}

/** The middle of a bucket. */
export function valueOf(bucket: number): number {
  return bucket === 0 ? 0 : smallestMs * growth ** (bucket - 0.5);
}

export function createHistogram(): Histogram {
  const counts = new Map<number, number>();
  let total = 0;

  const addTo = (bucket: number, count: number): void => {
    counts.set(bucket, (counts.get(bucket) ?? 0) + count);
    total += count;
  };

  return {
    add: (valueMs) => addTo(bucketOf(valueMs), 1),
    merge(buckets) {
      for (const [bucket, count] of buckets) addTo(bucket, count);
    },
    drain() {
      const drained = [...counts];
      counts.clear();
      total = 0;
      return drained;
    },
    count: () => total,
    quantile(share) {
      if (total === 0) return undefined;
      let left = Math.max(1, Math.ceil(share * total));
      for (const [bucket, count] of [...counts].toSorted(([a], [b]) => a - b)) {
        left -= count;
        if (left <= 0) return valueOf(bucket);
      }
      return undefined;
    },
  };
}
