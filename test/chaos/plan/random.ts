/** A seeded source of choices. The same seed gives the same choices, on every machine. */
export interface Random {
  /** From 0 to 1, 1 excluded. */
  next(): number;
  /** A whole number in the range, both ends included. */
  within(range: Range): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** Weights need not add up to anything. */
  weighted<K extends string>(weights: Weights<K>): K;
  /** A source of its own: what it is asked does not change what this one answers. */
  fork(label: string): Random;
}

export type Range = readonly [min: number, max: number];
export type Weights<K extends string> = Readonly<Partial<Record<K, number>>>;

/** FNV-1a: seeds are texts, the generator wants a number. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

export function createRandom(seed: string): Random {
  let state = hashOf(seed);

  /** mulberry32: small, and good enough to spread faults. */
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const within = ([min, max]: Range): number => min + Math.floor(next() * (max - min + 1));

  return {
    next,
    within,
    chance: (probability) => next() < probability,
    pick<T>(from: readonly T[]): T {
      const chosen = from[within([0, from.length - 1])];
      if (chosen === undefined) throw new Error("there is nothing to pick from");
      return chosen;
    },
    weighted<K extends string>(weights: Weights<K>): K {
      const names = Object.keys(weights) as K[];
      const total = names.reduce((sum, name) => sum + (weights[name] ?? 0), 0);
      let left = next() * total;
      for (const name of names) {
        left -= weights[name] ?? 0;
        if (left < 0) return name;
      }
      throw new Error("there is nothing to choose from");
    },
    fork: (label) => createRandom(`${seed}/${label}`),
  };
}
