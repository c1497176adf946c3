export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface BackoffSettings {
  readonly backoff: BackoffLimits;
  /** 0 to 1, 1 excluded. */
  readonly random: () => number;
}

/**
 * How long to wait before try number `attempt` (from 0): anywhere between the minimum and a ceiling that doubles. The whole range is random,
 * so that thousands of clients that lost the same server do not come back in waves.
 */
export function backoffMs(attempt: number, { backoff: { minMs, maxMs }, random }: BackoffSettings): number {
  const ceilingMs = Math.min(maxMs, minMs * 2 ** (attempt + 1));
  return minMs + random() * (ceilingMs - minMs);
}
