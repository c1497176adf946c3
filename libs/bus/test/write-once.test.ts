import { subjects, type StoredEvent } from "@parley/protocol";
import { expect, it } from "vitest";
import type { AppendResult } from "../src/appender.ts";
import { createWriteOnce } from "../src/write-once.ts";

const event: StoredEvent = {
  type: "cancel_requested",
  conversation_id: "c1",
  turn_id: "t1",
  ts: 1,
  by: "u1",
  reason: "cancelled by user",
};
const stored: AppendResult = { kind: "stored", seq: 7, duplicate: false };
const inProcess: AppendResult = { kind: "refused", code: 10_164, description: "wrong last sequence" };
const there: AppendResult = { kind: "refused", code: 10_071, description: "wrong last sequence: 7" };
const unknown: AppendResult = { kind: "unknown" };

/** Writing to a stream that answers so, one try after the other. */
function writingTo(...answers: AppendResult[]) {
  const left = [...answers];
  const { writeOnce, ensureWritten } = createWriteOnce({
    append: () => Promise.resolve(left.shift() ?? unknown),
    lastFromLeader: () => Promise.resolve({ seq: 7, event }),
  });
  const subject = subjects.control(0, "c1", "t1");
  return { left, write: () => writeOnce(subject, event), ensure: () => ensureWritten(subject, event) };
}

it("an event that stands behind one which may still be lost with its leader is tried again until one is there", async () => {
  const lost = writingTo(inProcess, inProcess, stored);
  await lost.ensure();
  expect(lost.left).toEqual([]);
  const kept = writingTo(inProcess, there);
  await kept.ensure();
  expect(kept.left).toEqual([]);
});

it("the same event of somebody else has won over one that only stood behind it, not over one that may be it", async () => {
  expect(await writingTo(inProcess, there).write()).toMatchObject({ seq: 7, won: false });
  expect(await writingTo(unknown, there).write()).toMatchObject({ seq: 7, won: true });
  expect(await writingTo(unknown, inProcess, there).write()).toMatchObject({ seq: 7, won: true });
});
