import { randomUUID } from "node:crypto";
import { nothingSpent, type Spent } from "@parley/protocol";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { createQuotaFallback } from "./quota-fallback.ts";
import {
  countersOf,
  nextOf,
  tooLittle,
  turnKey,
  unlimited,
  usedUp,
  type Counter,
  type QuotaAccount,
  type QuotaAmounts,
  type QuotaGrant,
  type UsedPeriod,
} from "./quota-names.ts";
import { restoreScript, settleScript, takeScript } from "./quota-scripts.ts";
import { answeredWithin } from "./redis-deadline.ts";
import { createRedisRun } from "./redis-run.ts";
import type { UsageSums } from "./usage-sums.ts";

export interface SharedCountersDeps {
  readonly redis: Redis;
  readonly sums: UsageSums;
  readonly deadlineMs: number;
  readonly fallback: Pick<ReturnType<typeof createQuotaFallback>, "heard" | "ended">;
}

/** A turn may wait for a day for a person. */
const turnKeptMs = 26 * 3_600_000;
/** A counter that is lost is made again, which others may undo. */
const mostTries = 3;
/** Counters that are lost are waited for so long; then it is decided without them while they are made. */
const restoreMs = 500;

const Reply = z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()], z.number());
const unknown = -1;
const settledBefore = -2;

type Args = readonly (string | number)[];

/** Asks the scripts, and makes the counters that Redis does not know. */
function createAsking({ redis, sums, deadlineMs }: SharedCountersDeps) {
  const run = createRedisRun(redis);
  const restore = createRestore(redis, sums);
  return {
    run,
    restore,
    async ask(script: string, { id, counters }: { id: string; counters: readonly Counter[] }, args: Args) {
      const keys = [turnKey(id), ...counters.map(({ key }) => key)];
      for (let tries = 0; ; tries++) {
        const now = await answeredWithin(run.current(), deadlineMs);
        const all = [...keys, now, turnKeptMs, ...args];
        const reply = await answeredWithin(redis.eval(script, keys.length, ...all), deadlineMs);
        if ((Array.isArray(reply) ? reply[0] : reply) !== unknown) return reply;
        if (tries === mostTries) throw new Error(lostAgain);
        await answeredWithin(restore(counters, now), restoreMs);
      }
    },
    /** Undefined: some of them are unknown. */
    async read(counters: readonly Counter[], now: string): Promise<UsedPeriod[] | undefined> {
      const found = await Promise.all(counters.map(({ key }) => redis.hmget(key, "run", "t", "m")));
      if (found.some(([made]) => made !== now)) return undefined;
      return counters.map(({ of, kind, span }, i): UsedPeriod => {
        const [, tokens, micros] = found[i] ?? [];
        return { ...span, of, period: kind, used: { tokens: Number(tokens ?? 0), micros: Number(micros ?? 0) } };
      });
    },
  };
}

const lostAgain = "the counters of quotas are lost again and again";

/** The counters in Redis. Everything rejects while it is away, or too slow. */
export function createSharedCounters(deps: SharedCountersDeps) {
  const { fallback } = deps;
  const { run, restore, ask, read } = createAsking(deps);

  return {
    async take(
      { id, ...account }: QuotaAccount,
      { spent = nothingSpent, must, want }: QuotaAmounts,
    ): Promise<QuotaGrant> {
      const counters = countersOf(account);
      const limits = counters.flatMap(({ field, tokens = -1, micros = -1 }) => [field, tokens, micros]);
      const args = [...[spent, must, want].flatMap((amount) => [amount.tokens, amount.micros]), ...limits];
      const [code, tokens, micros, i, unit, ...has] = Reply.parse(await ask(takeScript, { id, counters }, args));
      if (code === settledBefore) return { granted: want, short: undefined, next: unlimited };
      const by = counters[i - 1];
      const granted = { tokens, micros };
      const hasAt = (at: number): Spent => ({ tokens: has[2 * at] ?? 0, micros: has[2 * at + 1] ?? 0 });
      const told = counters.map((name, at) => ({ name, has: hasAt(at) }));
      fallback.heard(id, granted, told);
      const unitOf = unit === 1 ? "tokens" : "money";
      if (code === 0 && by !== undefined) return { refused: tooLittle(by, unitOf, hasAt(i - 1)) };
      return { granted, short: by && usedUp(by, unitOf), next: nextOf(counters, told) };
    },

    async settle({ id, ...account }: QuotaAccount, total: Spent): Promise<void> {
      const counters = countersOf(account);
      const fields = counters.map(({ field }) => field);
      await ask(settleScript, { id, counters }, [total.tokens, total.micros, ...fields]);
      fallback.ended(id, counters, { total, isTold: true });
    },

    async used(account: Omit<QuotaAccount, "id">): Promise<UsedPeriod[]> {
      const counters = countersOf(account);
      const now = await run.current();
      const known = await read(counters, now);
      if (known !== undefined) return known;
      await restore(counters, now);
      const made = await read(counters, now);
      if (made === undefined) throw new Error(lostAgain);
      return made;
    },

    known: async (account: Omit<QuotaAccount, "id">): Promise<UsedPeriod[] | undefined> =>
      read(countersOf(account), await run.current()),
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
