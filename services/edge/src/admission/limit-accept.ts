import type { Limits } from "@parley/protocol";
import type { Addresses } from "./address.ts";
import type { LimitRefusals } from "./limit-refusals.ts";
import { fullBucket, takeFrom, type Bucket } from "./rate-bucket.ts";

export interface AcceptLimitDeps {
  readonly addresses: Pick<Addresses, "whence" | "believes">;
  readonly current: () => Limits;
  readonly refusals: LimitRefusals;
}

const everyMs = 1_000;
/** Of more addresses than this nobody is remembered who has taken little: a flood from everywhere is for whoever stands before the edge. */
const mostAddresses = 100_000;

/**
 * TCP connections of each address, as they are accepted. One that sends nothing is ended after 10 s by uWebSockets.js, and until then nothing else counts
 * it: so an address holds at most what it may open in that time. Proxies open connections for others, and are not counted.
 */
export function createAcceptLimit({ addresses, current, refusals }: AcceptLimitDeps) {
  const buckets = new Map<string, Bucket>();

  return {
    /** Whether one more connection of this peer is taken. */
    accepts(peer: string): boolean {
      const { address, isExempt } = addresses.whence(peer);
      if (isExempt || addresses.believes(peer)) return true;
      const nowMs = performance.now();
      const rate = { ...current().accepted_per_address, everyMs };
      const bucket = buckets.get(address) ?? fullBucket(rate, nowMs);
      if (buckets.size < mostAddresses || buckets.has(address)) buckets.set(address, bucket);
      if (takeFrom(bucket, 1, rate, nowMs) === 0) return true;
      refusals.note("accepted_per_address", { address }, "limit of an address");
      return false;
    },

    /** Forgets whose bucket is full again. */
    sweep(): void {
      const nowMs = performance.now();
      const { rate, burst } = current().accepted_per_address;
      for (const [address, { level, atMs }] of buckets) {
        if (level + ((nowMs - atMs) * rate) / everyMs >= burst) buckets.delete(address);
      }
    },
  };
}
