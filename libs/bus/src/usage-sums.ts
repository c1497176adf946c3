import { nothingSpent, periodOf, quotaPeriods, spentOf, type Spent, type UsageRecord } from "@parley/protocol";
import type { UsageLog } from "./usage-log.ts";

/** A counter: whose it is, and of which period. */
export interface CounterName {
  readonly of: "user" | "tenant";
  readonly holder: string;
  readonly period: string;
}

/** A turn that ended a moment ago. */
export interface RecentTurn extends Spent {
  readonly id: string;
}

export interface UsageSums {
  /** Reads what was stored since it was asked last, the first time since the month began. Rejects when the broker does not answer. */
  refresh(): Promise<void>;
  /** As of then. */
  of(name: CounterName): Spent;
  /** Of those turns that ended within the last quarter of an hour. */
  recentOf(name: CounterName): RecentTurn[];
}

/** Their workers may still be about to tell Redis. */
const recentMs = 900_000;
const maxRecent = 20_000;
/** Some 150 bytes each. Beyond it those that are the longest untouched are forgotten, and count as nothing until the next beginning. */
const maxCounters = 400_000;

interface Recent extends RecentTurn {
  readonly keys: readonly string[];
  readonly endedAt: number;
}

const keyOf = ({ of, holder, period }: CounterName): string => `${of} ${period} ${holder}`;

/** Of periods that are over nobody wants to know more, but for turns that began within them. */
const lateMs = 7_200_000;

function keysOf({ user, tenant, at }: UsageRecord, now: number): string[] {
  return quotaPeriods.flatMap((name) => {
    const { key: period, untilMs } = periodOf(name, at);
    if (untilMs < now - lateMs) return [];
    const own = keyOf({ of: "user", holder: user, period });
    return tenant === undefined ? [own] : [own, keyOf({ of: "tenant", holder: tenant, period })];
  });
}

/** Those that nothing was added to for longest go first. */
function addTo(totals: Map<string, Spent>, key: string, spent: Spent): void {
  const { tokens, micros } = totals.get(key) ?? nothingSpent;
  totals.delete(key);
  totals.set(key, { tokens: tokens + spent.tokens, micros: micros + spent.micros });
  const [oldest] = totals.keys();
  if (totals.size > maxCounters && oldest !== undefined) totals.delete(oldest);
}

/**
 * What each user and tenant has used in the periods of now, by the stream: read through in one go, as a filter costs the broker far more than what it leaves out.
 * Only wanted where Redis has lost its counters or is away, so nothing is read before.
 */
export function createUsageSums(log: Pick<UsageLog, "read">, currency: () => string): UsageSums {
  const totals = new Map<string, Spent>();
  let recent: Recent[] = [];
  let readTo = 0;
  let month = "";
  let reading: Promise<void> | undefined;

  const take = (record: UsageRecord, now: number): void => {
    const spent = spentOf(record.usage, currency());
    const keys = keysOf(record, now);
    for (const key of keys) addTo(totals, key, spent);
    recent.push({ id: record.id, ...spent, keys, endedAt: record.ended_at });
    if (recent.length > maxRecent) recent = recent.slice(-maxRecent / 2);
  };
  const read = async (): Promise<void> => {
    const now = Date.now();
    const { key, fromMs } = periodOf("month", now);
    if (key !== month) {
      totals.clear();
      [readTo, month] = [0, key];
    }
    const from = readTo === 0 ? { fromSeq: 1, fromMs } : { fromSeq: readTo + 1 };
    let last = readTo;
    try {
      const end = await log.read(from, ({ seq, record }) => {
        take(record, now);
        last = seq;
      });
      // The stream was made anew: what it had is gone.
      if (end !== undefined && end < readTo) last = 0;
    } finally {
      readTo = last;
      recent = recent.filter(({ endedAt }) => endedAt > now - recentMs);
    }
  };

  return {
    async refresh(): Promise<void> {
      // One that is under way may have begun before what is asked for was stored.
      await reading?.catch(() => {});
      reading ??= read().finally(() => (reading = undefined));
      await reading;
    },
    of: (name) => totals.get(keyOf(name)) ?? nothingSpent,
    recentOf(name) {
      const key = keyOf(name);
      return recent.filter(({ keys }) => keys.includes(key)).map(({ id, tokens, micros }) => ({ id, tokens, micros }));
    },
  };
}
