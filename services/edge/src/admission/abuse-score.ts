import type { Offence } from "./gate.ts";

/**
 * What each offence counts. A hundred within a minute or so lead to a block: ten bad tokens, four sockets that were closed for their frames, fifty messages beyond a limit. A client that tries an old token
 * again, or a page that is opened in many tabs, stays far below.
 */
const offenceWeights: Readonly<Record<Offence, number>> = {
  "bad token": 10,
  "invalid frame": 25,
  "no token in time": 5,
  "too many sockets": 5,
  "rate limit": 2,
  // A thousand people behind one address come back at once after a restart, and each is told to wait a few times until all are in.
  "limit of an address": 0.05,
};

export interface ScoreOptions {
  /** The score at which somebody is blocked. */
  readonly threshold?: number;
  /** In this time a score falls to half. */
  readonly halfLifeMs?: number;
  /** Whoever offended least lately is forgotten beyond it: attackers invent addresses, and each of them counts little then. */
  readonly maxEntries?: number;
}

interface Score {
  readonly value: number;
  readonly atMs: number;
}

/** How badly addresses and users behave: what they do counts, and fades. */
export function createAbuseScores({ threshold = 100, halfLifeMs = 60_000, maxEntries = 50_000 }: ScoreOptions = {}) {
  /** In the order of their last offence. */
  const scores = new Map<string, Score>();

  const at = (key: string, nowMs: number): number => {
    const score = scores.get(key);
    return score === undefined ? 0 : score.value * 2 ** ((score.atMs - nowMs) / halfLifeMs);
  };

  return {
    at,
    size: (): number => scores.size,

    /** Counts an offence at a `performance.now`. Returns whether that is enough for a block; the score then begins anew. */
    add(key: string, offence: Offence, nowMs: number): boolean {
      const value = at(key, nowMs) + offenceWeights[offence];
      scores.delete(key);
      if (value >= threshold) return true;
      scores.set(key, { value, atMs: nowMs });
      const [oldest] = scores.keys();
      if (scores.size > maxEntries && oldest !== undefined) scores.delete(oldest);
      return false;
    },
  };
}

const firstBlockMs = 60_000;
const growth = 4;
export const longestBlockMs = 24 * 60 * 60_000;

/** How long the nth block in a row lasts, from 1: 1 min, 4 min, 16 min, … up to a day. */
export function blockMs(nth: number): number {
  return Math.min(longestBlockMs, firstBlockMs * growth ** Math.min(nth - 1, 10));
}
