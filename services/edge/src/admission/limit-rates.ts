import { answeredWithin } from "@parley/bus";
import { limitTable, type Limits, type Rate, type RateName } from "@parley/protocol";
import type { Redis } from "../commands/conversations/conversation-index.ts";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { fullBucket, takeFrom, type Bucket, type BucketRate } from "./rate-bucket.ts";

export interface SharedRatesDeps {
  /** In the role `cache`; undefined: each edge counts for itself. */
  readonly redis: Redis | undefined;
  /** The limits as they are now. */
  readonly current: () => Limits;
  /** Redis is waited for no longer than this. */
  readonly deadlineMs: number;
}

export type SharedRates = ReturnType<typeof createSharedRates>;

/** After Redis was too slow for one, the next ones do not wait for it. */
const restMs = 1_000;
/** What was taken here is told to the others after this: many of one address are one command. */
const tellAfterMs = 50;
/** Addresses and users that are remembered of each limit; beyond it the longest unseen are forgotten. */
const maxKeys = 20_000;

/** One limit as it is now: the shared counter, the same in memory for when Redis is away, and what is known here without asking. */
interface Counter {
  readonly rate: Rate;
  readonly bucketRate: BucketRate;
  readonly shared: RateLimiterRedis | undefined;
  readonly local: RateLimiterMemory;
  readonly buckets: Map<string, Bucket>;
  /** Until when (a `performance.now`) a key is refused, as all edges together have counted, or this one while it counts for itself. */
  readonly refusedUntil: Map<string, number>;
  readonly untold: Map<string, number>;
}

/** Rates of addresses, users and tenants, counted by all edges together. */
export function createSharedRates({ redis, current, deadlineMs }: SharedRatesDeps) {
  const counterOf = createCounters(redis, current);
  const telling = createTelling(redis);
  const consumeShared = createConsumeShared(deadlineMs);
  return {
    /**
     * Takes so many, by what is known here: 0, or the ms to wait. Others learn of it a moment later, and this edge what all have taken together: between two
     * edges a few too many may pass.
     */
    take(name: RateName, key: string, count = 1): number {
      const counter = counterOf(name);
      const nowMs = performance.now();
      const refusedMs = (counter.refusedUntil.get(key) ?? 0) - nowMs;
      if (refusedMs > 0) return refusedMs;
      const waitMs = takeFrom(bucketOf(counter, key, nowMs), count, counter.bucketRate, nowMs);
      if (waitMs === 0) telling.add(counter, key, count);
      return waitMs;
    },

    /** Takes one by the word of Redis, or by what this edge has counted where Redis does not answer in time: 0, or the ms to wait. Never rejects. */
    async consume(name: RateName, key: string): Promise<number> {
      const counter = counterOf(name);
      return (await consumeShared(counter, key)) ?? consumeLocally(counter, key);
    },

    /** The ms for which it is known here that nothing can be taken; 0: it may be tried. */
    refusedMs: (name: RateName, key: string): number =>
      Math.max(0, (counterOf(name).refusedUntil.get(key) ?? 0) - performance.now()),

    /** What was taken is not used. */
    giveBack(name: RateName, key: string): void {
      const { shared, local } = counterOf(name);
      (redis?.status === "ready" && shared !== undefined ? shared : local).reward(key).catch(() => {
        // Then it counts: the window ends by itself.
      });
    },

    close: telling.close,
  };
}

/** The counter of each limit, a new one where the limit has changed. */
function createCounters(redis: Redis | undefined, current: () => Limits) {
  const counters = new Map<RateName, Counter>();
  return (name: RateName): Counter => {
    const rate = current()[name];
    const known = counters.get(name);
    if (known !== undefined && isSame(known.rate, rate)) return known;
    const counter = createCounter(name, rate, redis);
    counters.set(name, counter);
    return counter;
  };
}

/** What is taken here is told to Redis afterwards, and by its answer it is known here what all have taken. */
function createTelling(redis: Redis | undefined) {
  const untold = new Set<Counter>();
  let timer: NodeJS.Timeout | undefined;
  const tell = (): void => {
    timer = undefined;
    for (const counter of untold) {
      // Without Redis the bucket here is all there is.
      if (redis?.status === "ready") tellOf(counter);
      counter.untold.clear();
    }
    untold.clear();
  };
  return {
    add(counter: Counter, key: string, count: number): void {
      if (redis === undefined) return;
      counter.untold.set(key, (counter.untold.get(key) ?? 0) + count);
      untold.add(counter);
      timer ??= setTimeout(tell, tellAfterMs).unref();
    },
    close: (): void => clearTimeout(timer),
  };
}

function tellOf({ shared, untold, refusedUntil }: Counter): void {
  for (const [key, count] of untold)
    shared?.consume(key, count).catch((thrown: unknown) => noteRefusal(refusedUntil, key, thrown));
}

/** By the word of Redis; undefined: it does not answer in time. */
function createConsumeShared(deadlineMs: number) {
  let restsUntilMs = -Infinity;
  return async ({ shared, refusedUntil }: Counter, key: string): Promise<number | undefined> => {
    if (shared === undefined || performance.now() < restsUntilMs) return undefined;
    try {
      await answeredWithin(shared.consume(key), deadlineMs);
      return 0;
    } catch (thrown) {
      const waitMs = waitOf(thrown);
      if (waitMs === undefined) restsUntilMs = performance.now() + restMs;
      else noteRefusal(refusedUntil, key, thrown);
      return waitMs;
    }
  };
}

async function consumeLocally({ local, refusedUntil }: Counter, key: string): Promise<number> {
  try {
    await local.consume(key);
    return 0;
  } catch (thrown) {
    noteRefusal(refusedUntil, key, thrown);
    return waitOf(thrown) ?? 0;
  }
}

function createCounter(name: RateName, rate: Rate, redis: Redis | undefined): Counter {
  const { everyMs } = limitTable[name];
  // Redis counts by whole seconds.
  const duration = Math.max(1, Math.round(((rate.burst / rate.rate) * everyMs) / 1_000));
  const points = Math.max(1, Math.round((rate.rate * duration * 1_000) / everyMs));
  const local = new RateLimiterMemory({ points, duration });
  const shared =
    redis === undefined
      ? undefined
      : new RateLimiterRedis({
          storeClient: redis,
          keyPrefix: `limits:${name}`,
          points,
          duration,
          insuranceLimiter: local,
          rejectIfRedisNotReady: true,
        });
  const bucketRate = { ...rate, everyMs };
  return { rate, bucketRate, shared, local, buckets: new Map(), refusedUntil: new Map(), untold: new Map() };
}

function isSame(one: Rate, other: Rate): boolean {
  return one.rate === other.rate && one.burst === other.burst;
}

/** In the order of their last use. */
function bucketOf({ buckets, bucketRate }: Counter, key: string, nowMs: number): Bucket {
  const bucket = buckets.get(key) ?? fullBucket(bucketRate, nowMs);
  buckets.delete(key);
  buckets.set(key, bucket);
  forgetOldest(buckets);
  return bucket;
}

function forgetOldest(entries: Map<string, unknown>): void {
  const [oldest] = entries.keys();
  if (entries.size > maxKeys && oldest !== undefined) entries.delete(oldest);
}

/** What the library throws when too many were taken; undefined: something else. */
function waitOf(thrown: unknown): number | undefined {
  return thrown instanceof RateLimiterRes ? Math.max(1, thrown.msBeforeNext) : undefined;
}

function noteRefusal(refusedUntil: Map<string, number>, key: string, thrown: unknown): void {
  const waitMs = waitOf(thrown);
  if (waitMs === undefined) return;
  refusedUntil.delete(key);
  refusedUntil.set(key, performance.now() + waitMs);
  forgetOldest(refusedUntil);
}
