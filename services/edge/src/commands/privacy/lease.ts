import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Bus } from "@parley/bus";

export interface LeaseDeps {
  readonly privacy: Pick<Bus["privacy"], "leaseOf" | "lease" | "release">;
  readonly name: string;
  /** Whoever says nothing for so long has lost it. */
  readonly leaseMs: number;
  /** ms, of whatever clock that only goes forward. */
  readonly nowMs?: () => number;
}

/**
 * Work that one process of the deployment does at a time. Whoever has it says so again and again (compare-and-set); another one takes it when it has seen no new word for long enough, by its own clock: clocks of
 * machines are not compared. A holder that stood still may go on for a moment beside the next one, so what is done under it must bear that.
 */
export function createLease({ privacy, name, leaseMs, nowMs = () => performance.now() }: LeaseDeps) {
  const holder = `${hostname()}.${process.pid}.${randomUUID()}`;
  /** The last word of whoever has it, and since when it is the last one, as seen here. */
  let seen: { readonly seq: number; readonly sinceMs: number } | undefined;
  let ownMs = -Infinity;

  return {
    /** Whether this process may do the work now. To be called several times within `leaseMs`. */
    async hold(): Promise<boolean> {
      const askedMs = nowMs();
      const last = await privacy.leaseOf(name);
      if (last !== undefined && last.seq !== seen?.seq) seen = { seq: last.seq, sinceMs: askedMs };
      const isOwn = last?.value?.holder === holder;
      const isFree = last === undefined || (seen !== undefined && askedMs - seen.sinceMs > leaseMs);
      if (!isOwn && !isFree) return false;
      if ((await privacy.lease(name, holder, last)) === undefined) return false;
      ownMs = askedMs;
      return true;
    },

    /** Whether it has been renewed lately enough that nobody else can have it. */
    isHeld: (): boolean => nowMs() - ownMs < leaseMs,

    async release(): Promise<void> {
      if (nowMs() - ownMs < leaseMs) await privacy.release(name);
      ownMs = -Infinity;
    },
  };
}
