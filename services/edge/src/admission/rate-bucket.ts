/** A token bucket as numbers: nothing happens to it between two looks. */
export interface Bucket {
  /** What may be taken now; below 0: taken although there was nothing. */
  level: number;
  /** When that was so (a `performance.now`). */
  atMs: number;
}

export interface BucketRate {
  readonly rate: number;
  readonly burst: number;
  /** The unit of time of `rate`. */
  readonly everyMs: number;
}

export function fullBucket({ burst }: Pick<BucketRate, "burst">, nowMs: number): Bucket {
  return { level: burst, atMs: nowMs };
}

/** Lets in what has come since. A rate that was lowered meanwhile counts at once. */
function refill(bucket: Bucket, { rate, burst, everyMs }: BucketRate, nowMs: number): void {
  const gained = ((nowMs - bucket.atMs) * rate) / everyMs;
  bucket.level = Math.min(burst, bucket.level + Math.max(0, gained));
  bucket.atMs = nowMs;
}

/**
 * Takes so much, if there is anything at all: one that is larger than the burst passes a full bucket, and is paid for afterwards. Returns 0, or the ms
 * after which it would have passed; then nothing was taken.
 */
export function takeFrom(bucket: Bucket, size: number, rate: BucketRate, nowMs: number): number {
  refill(bucket, rate, nowMs);
  const needed = Math.min(size, rate.burst);
  if (bucket.level < needed) return ((needed - bucket.level) * rate.everyMs) / rate.rate;
  bucket.level -= size;
  return 0;
}

/**
 * As `takeFrom`, but what is refused is taken too: who does not stop sinks as low as another burst below nothing. The wait that is returned is one after which
 * the same passes, if nothing is sent meanwhile.
 */
export function chargeTo(bucket: Bucket, size: number, rate: BucketRate, nowMs: number): number {
  if (takeFrom(bucket, size, rate, nowMs) === 0) return 0;
  bucket.level = Math.max(-rate.burst, bucket.level - size);
  return ((Math.min(size, rate.burst) - bucket.level) * rate.everyMs) / rate.rate;
}

/** Whether somebody went on for a whole burst after they were told to wait. */
export function isFlooded({ level }: Bucket, { burst }: Pick<BucketRate, "burst">): boolean {
  return level <= -burst;
}
