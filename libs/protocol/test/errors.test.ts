import { expect, test } from "vitest";
import { ChatError, ErrorCode, closeCodes, errorTable, isFinalClose, toChatError } from "@parley/protocol";

test("pins every error code with its status, close code and whether to try again", () => {
  const rows = Object.entries(errorTable).map(([code, row]) =>
    [code, row.status, "close" in row ? row.close : "-", row.retryable ? "retry" : "final"].join(" "),
  );
  expect(rows).toEqual([
    "AUTH_REQUIRED 401 - final",
    "AUTH_INVALID 401 4500 final",
    "AUTH_EXPIRED 401 4004 retry",
    "AUTH_UNAVAILABLE 503 4006 retry",
    "FORBIDDEN 403 - final",
    "BLOCKED 403 4503 final",
    "EMPTY_MESSAGE 400 - final",
    "INVALID_FRAME 400 - final",
    "MESSAGE_TOO_LARGE 413 - final",
    "RATE_LIMITED 429 - retry",
    "QUOTA_EXCEEDED 429 - final",
    "CONVERSATION_BUSY 409 - retry",
    "QUEUE_FULL 429 - retry",
    "CONFLICT 409 - final",
    "APPROVAL_EXPIRED 410 - final",
    "NOT_FOUND 404 - final",
    "UNSUPPORTED 400 - final",
    "MODEL_UNAVAILABLE 502 - retry",
    "MODEL_TIMEOUT 504 - retry",
    "MODEL_TRUNCATED 502 - retry",
    "CONTEXT_TOO_LARGE 413 - final",
    "STEP_LIMIT 502 - final",
    "TOOL_FAILED 502 - retry",
    "TOOL_TIMEOUT 504 - retry",
    "WORKER_LOST 502 - retry",
    "QUEUE_TIMEOUT 504 - retry",
    "OVERLOADED 503 4006 retry",
    "SHUTTING_DOWN 503 4001 retry",
    "PROCESSING_ERROR 500 - retry",
  ]);
});

test("has one sentence for people per code", () => {
  for (const { sentence } of Object.values(errorTable)) expect(sentence).toMatch(/^[A-Z][^\n]*\.$/);
});

test("pins the close codes: below 4500 reconnect, from 4500 do not", () => {
  expect(closeCodes).toEqual({
    goingAway: 4001,
    tooSlow: 4002,
    tokenExpired: 4004,
    overloaded: 4006,
    authDeadline: 4008,
    badToken: 4500,
    protocolAbuse: 4501,
    policy: 4503,
    tooManyConnections: 4504,
  });
});

test("reads from a close code whether to reconnect", () => {
  const final = Object.entries(closeCodes).filter(([, code]) => isFinalClose(code));
  expect(final.map(([name]) => name)).toEqual(["badToken", "protocolAbuse", "policy", "tooManyConnections"]);
  expect([1000, 1006, 4499, 4500, 4999, 5000].filter(isFinalClose)).toEqual([4500, 4999]);
});

test("closes with a reconnect code exactly where trying again may help", () => {
  const closing = Object.values(errorTable).filter((row) => "close" in row);
  expect(closing.map((row) => !isFinalClose(row.close))).toEqual(closing.map((row) => row.retryable));
});

test("takes only codes of the table, not what an object inherits", () => {
  expect(ErrorCode.safeParse("NOT_FOUND").success).toBe(true);
  for (const text of ["NOT_A_CODE", "toString", "__proto__", 404])
    expect(ErrorCode.safeParse(text).success).toBe(false);
});

test("lets a ChatError through as it is and hides everything else behind PROCESSING_ERROR", () => {
  const known = new ChatError("RATE_LIMITED", { retryAfterMs: 250 });
  expect(toChatError(known)).toBe(known);
  expect([known.status, known.retryable, known.retryAfterMs]).toEqual([429, true, 250]);

  const cause = new Error("connect ECONNREFUSED 10.1.2.3:6379");
  const unknown = toChatError(cause);
  expect([unknown.code, unknown.message]).toEqual(["PROCESSING_ERROR", errorTable.PROCESSING_ERROR.sentence]);
  expect(unknown.cause).toBe(cause);
});
