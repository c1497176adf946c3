import type { CountRow } from "./limit-row.ts";

const loadTest = "services/edge/test/overload.int.test.ts";

/** From when on a process that is late, or a queue that is long, takes nothing more: rows of `limitTable`. */
export const overloadLimitRows = {
  connections_at_lag_ms: {
    kind: "count",
    most: 250,
    unit: "ms by which this process is late, at which it takes no new connections",
    counted: "process",
    code: "OVERLOADED",
    reason:
      "Well above what a garbage collection takes, mean over two seconds; people see tokens stutter from there on. Taken again at half of it.",
    answer: "503 `OVERLOADED` with Retry-After before the upgrade",
    test: loadTest,
  },
  new_conversations_at_lag_ms: {
    kind: "count",
    most: 500,
    unit: "ms by which this process is late, at which it takes no first messages",
    counted: "process",
    code: "OVERLOADED",
    reason: "Who is not in a conversation yet loses the least by coming back later.",
    answer: "`OVERLOADED` with `retry_after_ms`; over HTTP 503 with Retry-After",
    test: loadTest,
  },
  messages_at_lag_ms: {
    kind: "count",
    most: 1_000,
    unit: "ms by which this process is late, at which it takes no messages at all",
    counted: "process",
    code: "OVERLOADED",
    reason:
      "Those who talk already are the last to be turned away: an answer would be late by more than a second with each step.",
    answer: "as `new_conversations_at_lag_ms`",
    test: loadTest,
  },
  new_conversations_at_queue_age_ms: {
    kind: "count",
    most: 30_000,
    unit: "ms that the oldest turn waits for a worker, at which no first messages are taken",
    counted: "fleet",
    code: "OVERLOADED",
    reason: "Longer than a worker takes to be started; nobody waits for half a minute for a first word.",
    answer: "`OVERLOADED` with `retry_after_ms`, half of what that turn has waited",
    test: loadTest,
  },
  messages_at_queue_age_ms: {
    kind: "count",
    most: 120_000,
    unit: "ms that the oldest turn waits for a worker, at which no messages are taken at all",
    counted: "fleet",
    code: "OVERLOADED",
    reason: "What is added would wait as long again; people have gone by then.",
    answer: "as `new_conversations_at_queue_age_ms`",
    test: loadTest,
  },
} as const satisfies Record<string, CountRow>;
