import type { ErrorCode } from "./chat-error.ts";

interface Row {
  /** Why there is such a limit, and why this number: what people do at most, what a program without shame would do. */
  readonly reason: string;
  /** What whoever is over it gets. */
  readonly answer: string;
  readonly code: ErrorCode;
  /** The test that reaches it from outside. */
  readonly test: string;
  /** For whom it is counted; `fleet`: over all edges, in Redis. */
  readonly counted: "fleet" | "process" | "socket";
}

/** So many in the unit of time on average, and `burst` of them at once: over all edges as `burst` in `burst / rate` units. */
export interface RateRow extends Row {
  readonly kind: "rate";
  readonly rate: number;
  readonly burst: number;
  readonly unit: string;
  readonly everyMs: number;
}

/** So many at a time, or in all. */
export interface CountRow extends Row {
  readonly kind: "count";
  readonly most: number;
  readonly unit: string;
}

/** What most who are over a limit get. */
export const afterWait = "`RATE_LIMITED` with `retry_after_ms`; over HTTP 429 with Retry-After";
