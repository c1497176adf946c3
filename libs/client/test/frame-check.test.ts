import { describe, expect, test } from "vitest";
import { EventFrame, SnapshotFrame } from "@parley/protocol";
import type { Violation } from "@parley/client";
import { frames, startReady } from "./fixtures.ts";

/** The kinds of violation that a client reports for these frames. */
async function kindsOf(list: readonly object[]): Promise<string[]> {
  await using setting = await startReady();
  const violations: Violation[] = [];
  setting.client.on("violation", (violation) => violations.push(violation));
  setting.client.conversation("c1");
  const last = new Promise((resolve) =>
    setting.client.on("frame", (frame) => void (frame.type === "pong" && resolve(frame))),
  );
  setting.connection.send(...list, { type: "pong", ts: 0 });
  await last;
  return violations.map((violation) => violation.kind);
}

describe("a client reports", () => {
  test.each([
    [
      "nothing for frames as they should be",
      [frames.token(1, 1, "Hel"), frames.token(3, 2, "lo"), frames.complete(9, 4, "Hello")],
      [],
    ],
    [
      "nothing for a snapshot that bridges a gap",
      [frames.token(1, 1, "Hel"), frames.snapshot(7, "Hello"), frames.complete(9, 9, "Hello")],
      [],
    ],
    ["nothing for a snapshot that comes twice", [frames.snapshot(7, "Hello"), frames.snapshot(7, "Hello")], []],
    ["nothing for numbers that hidden events took", [frames.token(1, 1, "Hel"), frames.token(3, 7, "lo")], []],
    [
      "nothing for a new attempt that counts from the beginning",
      [frames.token(1, 5, "Hel"), frames.token(3, 1, "lo", 2)],
      [],
    ],
    ["a frame that comes twice", [frames.token(1, 1, "Hel"), frames.token(1, 1, "Hel")], ["repeat"]],
    ["a frame that comes too late", [frames.token(5, 2, "lo"), frames.token(4, 1, "Hel")], ["repeat"]],
    ["a step back in the chain", [frames.token(1, 3, "Hel"), frames.token(2, 3, "lo")], ["order"]],
    ["a step back to an older attempt", [frames.token(1, 1, "Hel", 2), frames.token(2, 9, "lo", 1)], ["order"]],
    ["a lost token, at the end of the turn", [frames.token(1, 1, "Hel"), frames.complete(9, 3, "Hello")], ["text"]],
    ["a second end", [frames.complete(1, 1, ""), frames.complete(2, 2, "")], ["after_end"]],
    ["a token after the end", [frames.complete(1, 1, ""), frames.token(2, 2, "late")], ["after_end"]],
  ])("%s", async (_, list, kinds) => {
    for (const frame of list) expect(EventFrame.or(SnapshotFrame).safeParse(frame).success).toBe(true);
    expect(await kindsOf(list)).toEqual(kinds);
  });

  test("where it was, without the text of anybody", async () => {
    await using setting = await startReady();
    const conversation = setting.client.conversation("c1");
    const violation = new Promise((resolve) => conversation.on("violation", resolve));
    setting.connection.send(frames.token(4, 1, "my secret"), frames.complete(9, 3, "my secret plan"));
    expect(await violation).toEqual({
      kind: "text",
      conversation_id: "c1",
      turn_id: "t1",
      seq: 9,
      detail: "9 characters folded, 14 stored",
    });
  });
});
