import type { QueuedTurn } from "@parley/bus";
import { limits } from "@parley/protocol";
import { expect, it } from "vitest";
import { queueTimeoutOf } from "../src/queue-age.ts";

function turn(ageMs: number): QueuedTurn {
  const accepted_at = Date.now() - ageMs;
  const message = { id: "m", message_id: "m", message: "hello", accepted_at };
  const request = { v: 1, turn_id: "t", conversation_id: "c", user: { id: "u" }, ...message };
  return { seq: 1, storedMs: accepted_at, request };
}

it.each([
  ["nobody had it", limits.turnQueueAgeMs + 1, false, true],
  ["somebody had it, and its events would still be there", limits.resumeWindowMs / 2 - 10_000, true, true],
  ["somebody had it, and its events may have expired", limits.turnQueueAgeMs + 1, true, false],
])("tells a person to send a message again that waited too long when %s: %#", (_, ageMs, wasHad, retryable) => {
  expect(queueTimeoutOf(turn(ageMs), wasHad, limits.resumeWindowMs)).toMatchObject({
    code: "QUEUE_TIMEOUT",
    retryable,
  });
});
