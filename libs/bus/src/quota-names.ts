import {
  nothingSpent,
  periodOf,
  type PeriodSpan,
  type QuotaLimit,
  type QuotaName,
  type QuotaPeriod,
  type Spent,
} from "@parley/protocol";
import type { CounterLimit } from "./quota-fallback.ts";
import type { CounterName } from "./usage-sums.ts";

/** Who pays for what, and what holds for them. */
export interface QuotaAccount {
  /** Of the turn, or of a call beside it: all that is said of it is its total. */
  readonly id: string;
  readonly user: string;
  readonly tenant?: string | undefined;
  /** It counts for the periods of this moment, ms since 1970. */
  readonly atMs: number;
  readonly limits: readonly QuotaLimit[];
}

/** The limit that leaves no more room, and when its period is over. */
export interface UsedUp {
  readonly limit: Pick<QuotaLimit, "name" | "period">;
  readonly untilMs: number;
  /** What is left of it, which is less than was asked for; undefined: nobody knows. */
  readonly left?: number;
}

/** The limit of tokens or money of which the least is left, and how much; Infinity: as much as anybody knows. */
export interface NextLimit {
  readonly tokens: number;
  readonly micros: number;
  readonly limit: UsedUp | undefined;
}

/** `granted`: the account may use so much in all, `must` at the least; `short`: what keeps it from more. */
export type QuotaGrant =
  | { readonly granted: Spent; readonly short: UsedUp | undefined; readonly next: NextLimit }
  | { readonly refused: UsedUp };

export interface UsedPeriod extends PeriodSpan {
  readonly of: "user" | "tenant";
  readonly period: QuotaPeriod;
  readonly used: Spent;
}

/** All of it in all. */
export interface QuotaAmounts {
  /** It counts, also beyond the limits. Default: nothing. */
  readonly spent?: Spent;
  /** The least that is of any use. */
  readonly must: Spent;
  readonly want: Spent;
}

export interface Counter extends CounterLimit {
  readonly key: string;
  /** In the hash of a turn. */
  readonly field: string;
  readonly kind: QuotaPeriod;
  readonly span: PeriodSpan;
  readonly limits: readonly QuotaLimit[];
}

export const turnKey = (id: string): string => `limits:usage:turn:${id}`;
const counterKey = ({ of, holder, period }: CounterName): string => `limits:usage:${of}:${period}:${holder}`;

/** Days and months are always counted, so that people can be told; hours where they are limited. */
export function countersOf({ user, tenant, atMs, limits }: Omit<QuotaAccount, "id">): Counter[] {
  const holders = [["user", user] as const, ...(tenant === undefined ? [] : [["tenant", tenant] as const])];
  return holders.flatMap(([of, holder]) => {
    const own = limits.filter((limit) => limit.of === of);
    const periods = (["hour", "day", "month"] as const).filter(
      (period) => period !== "hour" || own.some((limit) => limit.period === "hour"),
    );
    return periods.map((period): Counter => {
      const span = periodOf(period, atMs);
      const name = { of, holder, period: span.key };
      const its = own.filter((limit) => limit.period === period);
      const most = (unit: "tokens" | "money"): number | undefined => its.find((limit) => limit.unit === unit)?.limit;
      const [tokens, micros] = [most("tokens"), most("money")];
      return {
        ...name,
        key: counterKey(name),
        field: `${of} ${span.key}`,
        kind: period,
        span,
        limits: its,
        tokens,
        micros,
      };
    });
  });
}

export function usedUp({ limits, span }: Counter, unit: "tokens" | "money"): UsedUp {
  const found = limits.find((limit) => limit.unit === unit);
  const name: QuotaName = found?.name ?? "tokens_per_user";
  return { limit: { name, period: found?.period ?? "day" }, untilMs: span.untilMs };
}

/** The same where something may be left: `has` is what the counter stands at. */
export function tooLittle(counter: Counter, unit: "tokens" | "money", has: Spent): UsedUp {
  const left = unit === "tokens" ? (counter.tokens ?? 0) - has.tokens : (counter.micros ?? 0) - has.micros;
  return { ...usedUp(counter, unit), left: Math.max(0, left) };
}

export const unlimited: NextLimit = { tokens: Infinity, micros: Infinity, limit: undefined };

export function nextOf(counters: readonly Counter[], told: readonly { readonly has: Spent }[]): NextLimit {
  return counters.reduce((next, counter, i) => {
    const has = told[i]?.has ?? nothingSpent;
    const tokens = (counter.tokens ?? Infinity) - has.tokens;
    const micros = (counter.micros ?? Infinity) - has.micros;
    const isNext = tokens < next.tokens || micros < next.micros;
    const limit = isNext ? usedUp(counter, tokens < next.tokens ? "tokens" : "money") : next.limit;
    return { tokens: Math.min(tokens, next.tokens), micros: Math.min(micros, next.micros), limit };
  }, unlimited);
}
