/** Failures to reach a cluster, one after the other, after which it is left alone. */
const maxFailures = 5;
/** For so long; then one request finds out. */
const restMs = 10_000;

export type BreakerState = "closed" | "open" | "half open";

export interface BreakerOptions {
  /** ms that only ever go forward. */
  readonly now?: () => number;
  /** For the sentence. */
  readonly clock?: () => Date;
}

export type Breaker = ReturnType<typeof createBreaker>;

/**
 * Spares a cluster that cannot be reached, and those who ask it their waiting:
 *
 *     closed ──5 failures in a row──▶ open ──10 s──▶ half open ──reached──▶ closed
 *                                       ▲                └─────failed────▶ open
 *
 * Half open, one request is let through and the others are refused until it ended.
 */
export function createBreaker({ now = () => performance.now(), clock = () => new Date() }: BreakerOptions = {}) {
  let failures = 0;
  let openedMs: number | undefined;
  let since: Date | undefined;
  let isProbing = false;

  const state = (): BreakerState => {
    if (openedMs === undefined) return "closed";
    return isProbing || now() - openedMs >= restMs ? "half open" : "open";
  };

  return {
    state,

    /** Undefined: ask. Else the sentence that says why not. Whoever asks says how it went. */
    refusal(): string | undefined {
      const current = state();
      if (current === "closed") return undefined;
      if (current === "half open" && !isProbing) {
        isProbing = true;
        return undefined;
      }
      const at = since?.toISOString().slice(0, 19).replace("T", " ") ?? "";
      const leftMs = openedMs === undefined || isProbing ? 0 : restMs - (now() - openedMs);
      const next = leftMs > 0 ? ` It is asked again in ${Math.ceil(leftMs / 1_000)} s.` : "";
      return `The cluster could not be reached since ${at} UTC and was not asked again.${next}`;
    },

    reached(): void {
      failures = 0;
      openedMs = undefined;
      since = undefined;
      isProbing = false;
    },

    failed(): void {
      failures++;
      since ??= clock();
      isProbing = false;
      if (openedMs !== undefined || failures >= maxFailures) openedMs = now();
    },

    /** Nobody knows: whoever asked gave up before the answer. */
    leftOpen(): void {
      isProbing = false;
    },
  };
}
