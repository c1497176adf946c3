import { nothingSpent, type Spent } from "@parley/protocol";
import type { CounterName, UsageSums } from "./usage-sums.ts";

/** What holds for one counter; undefined: that has no limit. */
export interface CounterLimit extends CounterName {
  readonly tokens: number | undefined;
  readonly micros: number | undefined;
}

export interface LocalTake {
  readonly turn: string;
  readonly counters: readonly CounterLimit[];
  /** In all. */
  readonly spent?: Spent;
  readonly must: Spent;
  readonly want: Spent;
}

/** `refused`: the place in the list of the counter that leaves no room. */
export type LocalGrant =
  | { readonly spent: Spent; readonly by: number | undefined; readonly unit: Unit }
  | { readonly refused: number; readonly unit: Unit };
type Unit = "tokens" | "money";

/** While Redis is away each process lets a holder spend so much of each limit, and never more than was left of it. */
const share = 0.1;
const maxKnown = 20_000;

const keyOf = ({ of, holder, period }: CounterName): string => `${of} ${period} ${holder}`;
const units = [
  ["tokens", "tokens"],
  ["micros", "money"],
] as const;

/** The newest of a bounded number of things. */
function createNewest<T>() {
  const things = new Map<string, T>();
  return {
    get: (key: string): T | undefined => things.get(key),
    set(key: string, thing: T): void {
      things.delete(key);
      things.set(key, thing);
      const [oldest] = things.keys();
      if (things.size > maxKnown && oldest !== undefined) things.delete(oldest);
    },
    delete: (key: string): boolean => things.delete(key),
  };
}

function added(one: Spent, other: Spent): Spent {
  return { tokens: one.tokens + other.tokens, micros: one.micros + other.micros };
}

function beyond(held: Spent, total: Spent): Spent {
  return { tokens: Math.max(0, total.tokens - held.tokens), micros: Math.max(0, total.micros - held.micros) };
}

interface Place extends Pick<LocalTake, "must" | "want"> {
  readonly held: Spent;
  readonly limits: readonly { readonly limit: CounterLimit; readonly base: Spent; readonly others: Spent }[];
}

/** By all that limits it. */
function decide({ must, want, held, limits }: Place): LocalGrant {
  let spent = want;
  let [by, short]: [number | undefined, Unit] = [undefined, "tokens"];
  for (const [i, { limit, base, others }] of limits.entries()) {
    for (const [field, unit] of units) {
      const most = limit[field];
      if (most === undefined) continue;
      const left = Math.min(Math.ceil(most * share), most - base[field]) - others[field];
      const room = held[field] + Math.max(0, left);
      if (must[field] > room) return { refused: i, unit };
      if (spent[field] > room) [spent, by, short] = [{ ...spent, [field]: room }, i, unit];
    }
  }
  return { spent, by, unit: short };
}

/** By counter and turn, what was given here and Redis does not know yet: also while it answers others again. */
function createGiven() {
  const given = createNewest<Map<string, Spent>>();
  const to = (counter: CounterName): Map<string, Spent> => given.get(keyOf(counter)) ?? new Map<string, Spent>();
  return {
    give(turn: string, counters: readonly CounterName[], extra: Spent): void {
      for (const counter of counters) given.set(keyOf(counter), to(counter).set(turn, extra));
    },
    /** Redis knows of it. */
    takeBack(turn: string, counters: readonly CounterName[]): void {
      for (const counter of counters) {
        const turns = given.get(keyOf(counter));
        turns?.delete(turn);
        if (turns?.size === 0) given.delete(keyOf(counter));
      }
    },
    /** To other turns than this one. */
    others: (counter: CounterName, turn: string): Spent =>
      [...to(counter)].reduce((sum, [id, extra]) => (id === turn ? sum : added(sum, extra)), nothingSpent),
  };
}

/**
 * Quotas while Redis is away: what is known to have been used by then, and what this process has let turns spend since, bounded by a tenth of each limit. So an
 * outage stops nobody who has something left, and N workers together give no more than N tenths beyond what they knew.
 */
export function createQuotaFallback(sums: UsageSums) {
  /** By counter, what Redis has said last. */
  const known = createNewest<Spent>();
  /** By turn, what it holds in Redis. */
  const shared = createNewest<Spent>();
  const { give, takeBack, others } = createGiven();
  let reading: Promise<void> | undefined;

  /** Redis has not said it here: then the stream does, which does not know of turns that run. Where the broker is silent too, the tenth counts alone. */
  const baseOf = async (counter: CounterName): Promise<Spent> => {
    const said = known.get(keyOf(counter));
    if (said !== undefined) return said;
    reading ??= sums.refresh().catch(() => {});
    await reading;
    return sums.of(counter);
  };
  const heldBy = (turn: string): Spent => shared.get(turn) ?? nothingSpent;

  return {
    /** Redis has answered: for each counter what it has, and what the turn holds. */
    heard(turn: string, held: Spent, counters: readonly { readonly name: CounterName; readonly has: Spent }[]): void {
      for (const { name, has } of counters) known.set(keyOf(name), has);
      takeBack(
        turn,
        counters.map(({ name }) => name),
      );
      shared.set(turn, held);
      reading = undefined;
    },

    /** `isTold`: Redis knows of it; else what it has used beyond what it held there goes on to count here. */
    ended(turn: string, counters: readonly CounterName[], { total, isTold }: { total: Spent; isTold: boolean }): void {
      if (isTold) takeBack(turn, counters);
      else give(turn, counters, beyond(heldBy(turn), total));
      if (isTold) shared.delete(turn);
    },

    /** Never throws. */
    async take({ turn, counters, spent = nothingSpent, must, want }: LocalTake): Promise<LocalGrant> {
      const bases = await Promise.all(counters.map(baseOf));
      const held = heldBy(turn);
      const limits = counters.map((limit, i) => {
        return { limit, others: others(limit, turn), base: bases[i] ?? nothingSpent };
      });
      const grant = decide({ must, want, held, limits });
      give(turn, counters, beyond(held, "spent" in grant ? grant.spent : spent));
      return grant;
    },
  };
}
