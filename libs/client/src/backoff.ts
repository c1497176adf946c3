export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait before try number `attempt` (from 0): anywhere between the minimum and a ceiling that doubles. The whole range is random,
 * so that thousands of clients that lost the same server do not come back in waves.
 */
export function backoffMs(attempt: number, { minMs, maxMs }: BackoffLimits, random: () => number): number {
  const ceilingMs = Math.min(maxMs, minMs * 2 ** (attempt + 1));
  return minMs + random() * (ceilingMs - minMs);
}
