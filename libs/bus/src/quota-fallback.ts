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
    clear: (): void => things.clear(),
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
  /** By counter and turn, what was given beyond that. */
  const given = createNewest<Map<string, Spent>>();
  let isAlone = false;
  let reading: Promise<void> | undefined;

  /** Redis has not said it here: then the stream does, which does not know of turns that run. Where the broker is silent too, the tenth counts alone. */
  const baseOf = async (counter: CounterName): Promise<Spent> => {
    const said = known.get(keyOf(counter));
    if (said !== undefined) return said;
    reading ??= sums.refresh().catch(() => {});
    await reading;
    return sums.of(counter);
  };

  return {
    /** Redis has answered: for each counter what it has, and what the turn holds. */
    heard(turn: string, held: Spent, counters: readonly { readonly name: CounterName; readonly has: Spent }[]): void {
      for (const { name, has } of counters) known.set(keyOf(name), has);
      shared.set(turn, held);
      if (!isAlone) return;
      isAlone = false;
      reading = undefined;
      given.clear();
    },
    ended: (turn: string): void => void shared.delete(turn),

    /** Never throws. */
    async take({ turn, counters, must, want }: LocalTake): Promise<LocalGrant> {
      isAlone = true;
      const bases = await Promise.all(counters.map(baseOf));
      const held = shared.get(turn) ?? nothingSpent;
      let granted = want;
      let [by, short]: [number | undefined, Unit] = [undefined, "tokens"];
      for (const [i, counter] of counters.entries()) {
        for (const [field, unit] of units) {
          const limit = counter[field];
          if (limit === undefined) continue;
          const others = [...(given.get(keyOf(counter)) ?? [])].filter(([id]) => id !== turn);
          const left = Math.min(Math.ceil(limit * share), limit - (bases[i] ?? nothingSpent)[field]);
          const most = held[field] + left - others.reduce((sum, [, spent]) => sum + spent[field], 0);
          if (must[field] > Math.max(most, held[field])) return { refused: i, unit };
          if (granted[field] > most)
            [granted, by, short] = [{ ...granted, [field]: Math.max(most, must[field]) }, i, unit];
        }
      }
      const extra = { tokens: granted.tokens - held.tokens, micros: granted.micros - held.micros };
      for (const counter of counters) {
        const turns = given.get(keyOf(counter)) ?? new Map<string, Spent>();
        given.set(keyOf(counter), turns.set(turn, extra));
      }
      return { spent: granted, by, unit: short };
    },
  };
}
