import { randomUUID } from "node:crypto";
import {
  nothingSpent,
  periodOf,
  type PeriodSpan,
  type QuotaLimit,
  type QuotaName,
  type QuotaPeriod,
  type Spent,
} from "@parley/protocol";
import type { Redis } from "ioredis";
import { z } from "zod";
import { createQuotaFallback, type CounterLimit } from "./quota-fallback.ts";
import { restoreScript, settleScript, takeScript } from "./quota-scripts.ts";
import { createRedisRun } from "./redis-run.ts";
import { answeredWithin } from "./redis-deadline.ts";
import type { CounterName, UsageSums } from "./usage-sums.ts";

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
}

/** `granted`: the account may use so much in all, `must` at the least; `short`: what keeps it from more. */
export type QuotaGrant = { readonly granted: Spent; readonly short: UsedUp | undefined } | { readonly refused: UsedUp };

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

export interface QuotaCounters {
  /**
   * What the account is to hold from now on, between `must` and `want`; where it is refused it holds what it has spent. Never throws: while Redis is away it is decided here
   * (`createQuotaFallback`).
   */
  take(account: QuotaAccount, amounts: QuotaAmounts): Promise<QuotaGrant>;
  /** What the account has used in the end; whatever it held beyond that is free again. Saying it twice changes nothing. Never throws, and nobody needs to wait. */
  settle(account: QuotaAccount, total: Spent): Promise<void>;
  /** What was used, and is held, in the periods of a moment. Throws while Redis is away. */
  used(holder: Pick<QuotaAccount, "user" | "tenant">, atMs: number): Promise<UsedPeriod[]>;
  /** Whether Redis decides; false: each process does for itself. */
  isShared(): boolean;
}

export interface QuotaCountersDeps {
  /** In the role `cache`: it fails fast. */
  readonly redis: Redis;
  readonly sums: UsageSums;
  /** Redis is waited for no longer than this. Default: 100 ms. */
  readonly deadlineMs?: number;
}

const defaultDeadlineMs = 100;
/** After Redis was too slow for one, the next ones do not wait for it for so long. */
const restMs = 1_000;
/** A turn may wait for a day for a person. */
const turnKeptMs = 26 * 3_600_000;
const maxUntold = 10_000;
/** An end that could not be told for so long is in the stream, and in what Redis has been made of since. */
const untoldMs = 600_000;
/** A counter that is lost is made again, which others may undo. */
const mostTries = 3;

const Reply = z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()], z.number());
/** Counters that are lost are waited for so long; then it is decided without them while they are made. */
const restoreMs = 500;
const unknown = -1;
const settledBefore = -2;

interface Counter extends CounterLimit {
  readonly key: string;
  /** In the hash of a turn. */
  readonly field: string;
  readonly span: PeriodSpan;
  readonly limits: readonly QuotaLimit[];
}

const turnKey = (id: string): string => `limits:usage:turn:${id}`;
const counterKey = ({ of, holder, period }: CounterName): string => `limits:usage:${of}:${period}:${holder}`;

/** Days and months are always counted, so that people can be told; hours where they are limited. */
function countersOf({ user, tenant, atMs, limits }: Omit<QuotaAccount, "id">): Counter[] {
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
      return { ...name, key: counterKey(name), field: `${of} ${span.key}`, span, limits: its, tokens, micros };
    });
  });
}

function usedUp({ limits, span }: Counter, unit: "tokens" | "money"): UsedUp {
  const found = limits.find((limit) => limit.unit === unit);
  const name: QuotaName = found?.name ?? "tokens_per_user";
  return { limit: { name, period: found?.period ?? "day" }, untilMs: span.untilMs };
}

/** What users and tenants have used, counted in Redis by all workers together, exactly: see `quota-scripts.ts`. */
export function createQuotaCounters(deps: QuotaCountersDeps): QuotaCounters {
  const { redis, sums, deadlineMs = defaultDeadlineMs } = deps;
  const run = createRedisRun(redis);
  const fallback = createQuotaFallback(sums);
  const restore = createRestore(redis, sums);
  const untold = createUntold((account, total) => settleShared(account, total));
  let restsUntilMs = -Infinity;

  const evalWith = (script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> =>
    answeredWithin(redis.eval(script, keys.length, ...keys, ...args), deadlineMs);

  /** Asks the script, and makes the counters that it does not know. */
  const ask = async (script: string, id: string, counters: readonly Counter[], args: readonly (string | number)[]) => {
    const keys = [turnKey(id), ...counters.map(({ key }) => key)];
    for (let tries = 0; ; tries++) {
      const now = await answeredWithin(run.current(), deadlineMs);
      const reply = await evalWith(script, keys, [now, turnKeptMs, ...args]);
      if ((Array.isArray(reply) ? reply[0] : reply) !== unknown) return reply;
      if (tries === mostTries) throw new Error("the counters of quotas are lost again and again");
      await answeredWithin(restore(counters, now), restoreMs);
    }
  };

  const takeShared = async (account: QuotaAccount, amounts: QuotaAmounts): Promise<QuotaGrant> => {
    const { spent = nothingSpent, must, want } = amounts;
    const counters = countersOf(account);
    const limits = counters.flatMap(({ field, tokens = -1, micros = -1 }) => [field, tokens, micros]);
    const args = [...[spent, must, want].flatMap(({ tokens, micros }) => [tokens, micros]), ...limits];
    const [code, tokens, micros, i, unit, ...has] = Reply.parse(await ask(takeScript, account.id, counters, args));
    if (code === settledBefore) return { granted: want, short: undefined };
    const by = counters[i - 1];
    const short = by === undefined ? undefined : usedUp(by, unit === 1 ? "tokens" : "money");
    const granted = { tokens, micros };
    const told = counters.map((name, at) => ({
      name,
      has: { tokens: has[2 * at] ?? 0, micros: has[2 * at + 1] ?? 0 },
    }));
    fallback.heard(account.id, granted, told);
    return code === 0 && short !== undefined ? { refused: short } : { granted, short };
  };

  const takeLocally = async (account: QuotaAccount, amounts: QuotaAmounts): Promise<QuotaGrant> => {
    const counters = countersOf(account);
    const grant = await fallback.take({ turn: account.id, counters, ...amounts });
    const counter = counters["spent" in grant ? (grant.by ?? -1) : grant.refused];
    const short = counter === undefined ? undefined : usedUp(counter, grant.unit);
    if ("spent" in grant) return { granted: grant.spent, short };
    return short === undefined ? { granted: amounts.want, short } : { refused: short };
  };

  const settleShared = async (account: QuotaAccount, total: Spent): Promise<void> => {
    const counters = countersOf(account);
    await ask(settleScript, account.id, counters, [total.tokens, total.micros, ...counters.map(({ field }) => field)]);
  };

  const isAway = (): boolean => redis.status !== "ready" || performance.now() < restsUntilMs;

  return {
    async take(account, amounts) {
      if (isAway()) return takeLocally(account, amounts);
      try {
        const grant = await takeShared(account, amounts);
        untold.catchUp();
        return grant;
      } catch {
        restsUntilMs = performance.now() + restMs;
        return takeLocally(account, amounts);
      }
    },
    async settle(account, total) {
      fallback.ended(account.id, countersOf(account), total);
      try {
        if (isAway()) throw new Error("Redis is away");
        await settleShared(account, total);
        untold.catchUp();
      } catch {
        untold.keep(account, total);
      }
    },
    async used(holder, atMs) {
      const counters = countersOf({ ...holder, atMs, limits: [] });
      const now = await run.current();
      const read = () => Promise.all(counters.map(({ key }) => redis.hmget(key, "run", "t", "m")));
      let found = await read();
      if (found.some(([made]) => made !== now)) {
        await restore(counters, now);
        found = await read();
      }
      return counters.map(({ of, span }, i): UsedPeriod => {
        const [, tokens, micros] = found[i] ?? [];
        const period = span.key.length === 7 ? "month" : "day";
        return { ...span, of, period, used: { tokens: Number(tokens ?? 0), micros: Number(micros ?? 0) } };
      });
    },
    isShared: () => !isAway(),
  };
}

/** Makes counters of what the stream says. */
function createRestore(redis: Redis, sums: UsageSums) {
  return async (counters: readonly Counter[], run: string): Promise<void> => {
    await sums.refresh();
    await Promise.all(
      counters.map((counter) => {
        const { tokens, micros } = sums.of(counter);
        const recent = sums.recentOf(counter);
        const keys = [counter.key, ...recent.map(({ id }) => turnKey(id))];
        const keptUntil = counter.span.untilMs + turnKeptMs;
        const own = [run, randomUUID(), tokens, micros, keptUntil, counter.field, turnKeptMs];
        return redis.eval(
          restoreScript,
          keys.length,
          ...keys,
          ...own,
          ...recent.flatMap((one) => [one.tokens, one.micros]),
        );
      }),
    );
  };
}

/** Ends that could not be told: with the next thing that can. */
function createUntold(tell: (account: QuotaAccount, total: Spent) => Promise<void>) {
  const waiting = new Map<
    string,
    { readonly account: QuotaAccount; readonly total: Spent; readonly sinceMs: number }
  >();

  const keep = (account: QuotaAccount, total: Spent, sinceMs = performance.now()): void => {
    waiting.set(account.id, { account, total, sinceMs });
    const [oldest] = waiting.keys();
    if (waiting.size > maxUntold && oldest !== undefined) waiting.delete(oldest);
  };
  return {
    keep,
    catchUp(): void {
      if (waiting.size === 0) return;
      const late = [...waiting.values()];
      waiting.clear();
      for (const { account, total, sinceMs } of late) {
        if (performance.now() - sinceMs > untoldMs) continue;
        void tell(account, total).catch(() => keep(account, total, sinceMs));
      }
    },
  };
}
