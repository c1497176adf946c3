import { createHash } from "node:crypto";

/** Numbers that a text decides: the same text is the same inputs again. */
export interface Random {
  /** From 0, below `end`. */
  below(end: number): number;
  pick<T>(list: readonly T[]): T;
  /** Of these times, so many out of 100. */
  chance(percent: number): boolean;
  bytes(count: number): Buffer;
}

export function createRandom(seed: string): Random {
  let state = createHash("sha256").update(seed).digest().readUInt32LE();
  // Mulberry32.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return {
    below,
    pick(list) {
      const one = list[below(list.length)];
      if (one === undefined) throw new Error("there is nothing to pick from");
      return one;
    },
    chance: (percent) => below(100) < percent,
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
  };
}
