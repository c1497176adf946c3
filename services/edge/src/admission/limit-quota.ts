import { answeredWithin, type QuotaCounters, type UsedUp } from "@parley/bus";
import { ChatError, quotaSentence, quotasOf, type QuotaLimit, type Quotas } from "@parley/protocol";
import type { Spender } from "../commands/message-limits.ts";

export interface QuotaLimitDeps {
  /** Undefined: there is no Redis here, and workers decide alone. */
  readonly counters: Pick<QuotaCounters, "known"> | undefined;
  readonly quotas: () => Quotas;
  /** Redis is waited for no longer than this. */
  readonly deadlineMs: number;
}

interface Known {
  readonly usedUp: Promise<UsedUp | undefined>;
  readonly askedMs: number;
}

/** What was seen counts for so long: workers hold each answer to the last token, so this is only to spare what would be refused. */
const knownMs = 1_000;
const maxKnown = 10_000;

/** Refuses a message whose answer would be refused, where that is known. It holds for exempt addresses too: what models cost does not depend on where somebody sits. */
export function createQuotaLimit({ counters, quotas, deadlineMs }: QuotaLimitDeps) {
  const known = new Map<string, Known>();

  const look = async (whose: { user: string; tenant: string | undefined }, limits: readonly QuotaLimit[]) => {
    const periods = await counters?.known({ ...whose, atMs: Date.now(), limits });
    for (const { of, period, used, untilMs } of periods ?? []) {
      const limit = limits.find(
        (one) =>
          one.of === of && one.period === period && (one.unit === "money" ? used.micros : used.tokens) >= one.limit,
      );
      if (limit !== undefined) return { limit, untilMs };
    }
    return undefined;
  };

  /** Throws QUOTA_EXCEEDED. */
  return async ({ caller: { user, tenant, roles } }: Spender): Promise<void> => {
    const limits = quotasOf(quotas(), { user: user.id, tenant, roles });
    if (limits.length === 0 || counters === undefined) return;
    const key = JSON.stringify([user.id, tenant]);
    const nowMs = performance.now();
    let found = known.get(key);
    if (found === undefined || nowMs - found.askedMs >= knownMs) {
      // Redis is away, or slow: workers decide.
      const usedUp = answeredWithin(look({ user: user.id, tenant }, limits), deadlineMs).catch(() => undefined);
      found = { usedUp, askedMs: nowMs };
      known.delete(key);
      known.set(key, found);
      const [oldest] = known.keys();
      if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
    }
    const over = await found.usedUp;
    if (over === undefined || over.untilMs <= Date.now()) return;
    const message = quotaSentence(over.limit, over.untilMs);
    throw new ChatError("QUOTA_EXCEEDED", { message, retryAfterMs: Math.max(1_000, over.untilMs - Date.now()) });
  };
}
