/** `closed`: it is asked. `open`: it has failed too often, and is left alone for a while. `half-open`: the next request tries it. */
export type BreakerState = "closed" | "open" | "half-open";

/** How a request came out. `unknown`: somebody gave it up, or it says nothing of the model. */
export type RequestResult = "ok" | "failed" | "unknown";

export interface BreakerOptions {
  /** So many failures in a row open it. */
  readonly failures: number;
  readonly openMs: number;
  readonly onState?: (state: "closed" | "open") => void;
  /** Milliseconds that never go back. */
  readonly clock?: () => number;
}

export type CircuitBreaker = ReturnType<typeof createCircuitBreaker>;

/**
 * Whether one model at one server is worth asking: closed → open after failures in a row → half-open when its time is over, in which one request
 * tries → closed if that is answered, else open again. It refuses nothing by itself: who has nobody else to ask may ask all the same, and an
 * answer closes it from whatever state. An answer counts when it is whole; a server that begins answers and breaks them off is a failing one.
 */
export function createCircuitBreaker(options: BreakerOptions) {
  const { failures, openMs, onState = () => {}, clock = () => performance.now() } = options;
  let inRow = 0;
  /** Undefined: closed. */
  let openUntil: number | undefined;
  let isProbed = false;

  const state = (): BreakerState => {
    if (openUntil === undefined) return "closed";
    return clock() < openUntil ? "open" : "half-open";
  };
  const close = (): void => {
    inRow = 0;
    if (openUntil === undefined) return;
    openUntil = undefined;
    onState("closed");
  };
  const fail = (wasProbe: boolean): void => {
    inRow++;
    if (openUntil === undefined ? inRow < failures : !wasProbe) return;
    openUntil = clock() + openMs;
    onState("open");
  };

  return {
    state,
    /** Whether the next request may go there, while others could be asked. */
    isFree: (): boolean => state() === "closed" || (state() === "half-open" && !isProbed),
    /** A request goes there. The returned function is told how it came out; only its first call counts. */
    begin(): (result: RequestResult) => void {
      const isProbe = state() === "half-open" && !isProbed;
      isProbed ||= isProbe;
      let isOver = false;
      return (result) => {
        if (isOver) return;
        isOver = true;
        if (isProbe) isProbed = false;
        if (result === "ok") close();
        if (result === "failed") fail(isProbe);
      };
    },
  };
}
