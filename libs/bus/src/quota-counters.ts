import type { Spent } from "@parley/protocol";
import type { Redis } from "ioredis";
import { createQuotaFallback } from "./quota-fallback.ts";
import {
  countersOf,
  unlimited,
  usedUp,
  type QuotaAccount,
  type QuotaAmounts,
  type QuotaGrant,
  type UsedPeriod,
} from "./quota-names.ts";
import { createSharedCounters } from "./quota-shared.ts";
import { createUntold } from "./quota-untold.ts";
import type { UsageSums } from "./usage-sums.ts";

export interface QuotaCounters {
  /**
   * What the account is to hold from now on, between `must` and `want`; where it is refused it holds what it has spent. Never throws: while Redis is away it is decided here
   * (`createQuotaFallback`).
   */
  take(account: QuotaAccount, amounts: QuotaAmounts): Promise<QuotaGrant>;
  /** What the account has used in the end; whatever it held beyond that is free again. Saying it twice changes nothing. Never throws, and nobody needs to wait. */
  settle(account: QuotaAccount, total: Spent): Promise<void>;
  /** What was used, and is held, in the periods of its moment: the day, the month, and the hour where that is limited. Throws while Redis is away. */
  used(account: Omit<QuotaAccount, "id">): Promise<UsedPeriod[]>;
  /** The same as far as Redis knows it: undefined where that has to be found out first. */
  known(account: Omit<QuotaAccount, "id">): Promise<UsedPeriod[] | undefined>;
  /** Whether Redis decides; false: each process does for itself. */
  isShared(): boolean;
}

export interface QuotaCountersDeps {
  /** In the role `cache`: it fails fast. */
  readonly redis: Redis;
  readonly sums: UsageSums;
  /** Redis is waited for no longer than this. Default: 1 s: an answer that pauses is better than one that ends before its quota. */
  readonly deadlineMs?: number;
}

const defaultDeadlineMs = 1_000;
/** After Redis was too slow for one, the next ones do not wait for it for so long. */
const restMs = 1_000;

/** What users and tenants have used, counted in Redis by all workers together, exactly: see `quota-scripts.ts`. */
export function createQuotaCounters({ redis, sums, deadlineMs = defaultDeadlineMs }: QuotaCountersDeps): QuotaCounters {
  const fallback = createQuotaFallback(sums);
  const shared = createSharedCounters({ redis, sums, deadlineMs, fallback });
  const ended = (account: QuotaAccount, total: Spent, isTold: boolean): void =>
    fallback.ended(account.id, countersOf(account), { total, isTold });
  const untold = createUntold(shared.settle, (account, total) => ended(account, total, true));
  let restsUntilMs = -Infinity;

  const takeLocally = async (account: QuotaAccount, amounts: QuotaAmounts): Promise<QuotaGrant> => {
    const counters = countersOf(account);
    const grant = await fallback.take({ turn: account.id, counters, ...amounts });
    const counter = counters["spent" in grant ? (grant.by ?? -1) : grant.refused];
    const short = counter === undefined ? undefined : usedUp(counter, grant.unit);
    if ("spent" in grant) return { granted: grant.spent, short, next: unlimited };
    return short === undefined ? { granted: amounts.want, short, next: unlimited } : { refused: short };
  };
  const isAway = (): boolean => redis.status !== "ready" || performance.now() < restsUntilMs;

  return {
    async take(account, amounts) {
      if (isAway()) return takeLocally(account, amounts);
      try {
        const grant = await shared.take(account, amounts);
        untold.catchUp();
        return grant;
      } catch {
        restsUntilMs = performance.now() + restMs;
        return takeLocally(account, amounts);
      }
    },
    async settle(account, total) {
      try {
        if (isAway()) throw new Error("Redis is away");
        await shared.settle(account, total);
        untold.catchUp();
      } catch {
        ended(account, total, false);
        untold.keep(account, total);
      }
    },
    used: shared.used,
    known: shared.known,
    isShared: () => !isAway(),
  };
}
