import type { TranscriptMessage } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { append, createRing, type Ring } from "../src/hub/ring.ts";
import { conversationSnapshot } from "../src/hub/snapshot.ts";
import type { VisibleEvent } from "../src/hub/visible-event.ts";
import { complete, conversation, message, token, visible } from "./support/conversation-history.ts";

const place = { conversation, seq: 1_000 };

function ringOf(...events: VisibleEvent[]): Ring {
  const ring = createRing(0);
  ring.rooted = true;
  for (const event of events) append(ring, event);
  return ring;
}

function record(turn: string, role: "user" | "assistant", text: string): TranscriptMessage {
  const message_id = `${turn}-${role === "user" ? "u" : "a"}`;
  return { turn_id: turn, ts: 1, message_id, author: { role }, message: text, status: "complete" };
}

const stored = [record("old", "user", "q"), record("old", "assistant", "a")];

describe("the snapshot of a conversation", () => {
  it("is nothing when nothing was said", () => {
    expect(conversationSnapshot(place, ringOf(), [])).toBeUndefined();
  });

  it("is the transcript when nothing runs", () => {
    const frame = conversationSnapshot(place, ringOf(), stored);
    expect(frame).toMatchObject({ seq: 1_000, status: "idle", messages: [{ message: "q" }, { message: "a" }] });
    expect(frame).not.toHaveProperty("turn_id");
  });

  it("has the turn that runs, and the messages that wait", () => {
    const ring = ringOf(
      visible(1, message("t1", "first")),
      visible(2, message("t2", "second")),
      visible(3, token("t1", "so far")),
    );
    expect(conversationSnapshot(place, ring, stored)).toMatchObject({
      turn_id: "t1",
      text: "so far",
      status: "running",
      messages: [{ message: "q" }, { message: "a" }, { message: "first" }, { message: "second" }],
    });
  });

  it("says that a turn only waits", () => {
    const frame = conversationSnapshot(place, ringOf(visible(1, message("t1"))), []);
    expect(frame).toMatchObject({ status: "queued", turn_id: "t1", text: "" });
  });

  it("has an answer that ended after the transcript was read, and none twice", () => {
    const ring = ringOf(
      visible(1, message("old", "q")),
      visible(2, complete("old", "a")),
      visible(3, message("new", "q2")),
      visible(4, complete("new", "a2")),
    );
    const frame = conversationSnapshot(place, ring, stored);
    expect(frame).toMatchObject({ status: "idle" });
    expect(frame?.messages?.map((one) => one.message)).toEqual(["q", "a", "q2", "a2"]);
  });

  it("has an answer whose question came before an earlier turn's end", () => {
    const ring = ringOf(
      visible(1, message("new", "q2")),
      visible(2, complete("old", "a")),
      visible(3, complete("new", "a2")),
    );
    const frame = conversationSnapshot(place, ring, stored);
    expect(frame?.messages?.map((one) => one.message)).toEqual(["q", "a", "q2", "a2"]);
  });

  it("has the answer when the transcript was read between question and answer", () => {
    const ring = ringOf(visible(1, message("t", "question")), visible(2, complete("t", "answer")));
    const frame = conversationSnapshot(place, ring, [...stored, record("t", "user", "question")]);
    expect(frame?.messages?.map((one) => one.message)).toEqual(["q", "a", "question", "answer"]);
  });

  it("has a waiting turn that was cancelled before the one that ran had ended", () => {
    const ring = ringOf(
      visible(1, message("ran", "q1")),
      visible(2, message("waited", "q2")),
      visible(3, complete("waited", "")),
      visible(4, complete("ran", "a1")),
    );
    const frame = conversationSnapshot(place, ring, [
      ...stored,
      record("ran", "user", "q1"),
      record("ran", "assistant", "a1"),
    ]);
    expect(frame?.messages?.map((one) => one.message)).toContain("q2");
  });

  it("leaves out what the transcript already says of the turn that runs", () => {
    const ring = ringOf(visible(1, message("t", "question")));
    const frame = conversationSnapshot(place, ring, [
      record("t", "user", "question"),
      record("t", "assistant", "early"),
    ]);
    expect(frame?.messages?.map((one) => one.message)).toEqual(["question"]);
  });

  it("has the newest messages that fit", () => {
    const many = Array.from({ length: 40 }, (_, i) => record(`t${i}`, "assistant", `${i}:${"x".repeat(10_000)}`));
    const messages = conversationSnapshot(place, ringOf(), many)?.messages ?? [];
    expect(messages.at(-1)?.message).toMatch(/^39:/);
    expect(messages.length).toBeGreaterThan(20);
    expect(JSON.stringify(messages).length).toBeLessThanOrEqual(256 * 1024 + 100);
    const [huge] =
      conversationSnapshot(place, ringOf(), [record("t", "assistant", "x".repeat(300_000))])?.messages ?? [];
    expect(huge?.message).toHaveLength(300_000);
  });
});
