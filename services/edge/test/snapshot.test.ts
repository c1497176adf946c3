import type { VisibleEvent } from "@parley/dialects";
import { FinishedToolCall, Part, partsOfMessage, type TranscriptMessage } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { append, createRing, type Ring } from "../src/hub/ring.ts";
import { conversationSnapshot } from "../src/hub/snapshot.ts";
import { complete, conversation, message, token, toolEnd, visible } from "./support/conversation-history.ts";

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

  it("says of the turn that runs in which order its text and its calls came", () => {
    const ring = ringOf(
      visible(1, message("t")),
      visible(2, token("t", "Let me look.")),
      visible(3, toolEnd("t", "k")),
      visible(4, token("t", " There are 3.")),
    );
    const { type: _, conversation_id: __, turn_id: ___, ts: ____, ...call } = { ...toolEnd("t", "k"), ts: 0 };
    expect(conversationSnapshot(place, ring, [])).toMatchObject({
      text: "Let me look. There are 3.",
      tool_calls: [call],
      parts: [
        { type: "text", text: "Let me look." },
        { type: "tool_call", ...call },
        { type: "text", text: " There are 3." },
      ],
    });
  });

  it("takes the room for the parts of the turn that runs from the transcript's tail", () => {
    const many = Array.from({ length: 40 }, (_, i) => record(`t${i}`, "assistant", `${i}:${"x".repeat(10_000)}`));
    const sizeWith = (length: number): { messages: number; parts: boolean; bytes: number } => {
      const ring = ringOf(visible(1, message("t")), visible(2, token("t", "y".repeat(length))));
      const { messages = [], parts, ...rest } = conversationSnapshot(place, ring, many) ?? {};
      const bytes = JSON.stringify({ messages, parts: parts ?? [] }).length;
      expect("text" in rest && rest.text?.length).toBe(length);
      return { messages: messages.length, parts: parts !== undefined, bytes };
    };
    const [short, long, tooLong] = [sizeWith(100), sizeWith(150_000), sizeWith(200_000)];
    expect([short.parts, long.parts, tooLong.parts]).toEqual([true, true, false]);
    expect(long.messages).toBeLessThan(short.messages - 10);
    // Without them there is as much room as ever.
    expect(tooLong.messages).toBe(short.messages);
    for (const { bytes } of [short, long, tooLong]) expect(bytes).toBeLessThanOrEqual(256 * 1024 + 100);
  });

  it("leaves out parts that say nothing new, where not all messages fit with them", () => {
    const said = (turn: string, text: string, more: object[] = []): TranscriptMessage => ({
      ...record(turn, "assistant", text),
      parts: Part.array().parse([...more, { type: "text", text }]),
    });
    const thought = said("thought", "4", [{ type: "reasoning", text: "2 + 2" }]);
    const tailOf = (count: number) =>
      conversationSnapshot(place, ringOf(), [
        ...Array.from({ length: count }, (_, i) => said(`t${i}`, `${i}:${"x".repeat(10_000)}`)),
        thought,
      ])?.messages ?? [];
    expect(tailOf(12).every(({ parts }) => parts !== undefined)).toBe(true);
    const long = tailOf(22);
    expect(long).toHaveLength(23);
    expect(long.at(-1)).toEqual(thought);
    expect(long.slice(0, -1).some(({ parts }) => parts !== undefined)).toBe(false);
    expect(tailOf(60).length).toBe(26);
  });

  it("leaves them to a message with calls: those may have stood anywhere in its text", () => {
    const { type: _, conversation_id: __, turn_id: ___, ts: ____, ...call } = { ...toolEnd("t", "k"), ts: 0 };
    const plain = { ...record("t", "assistant", "x".repeat(30_000)), tool_calls: [FinishedToolCall.parse(call)] };
    const answer = { ...plain, parts: partsOfMessage(plain) };
    const messages = Array.from({ length: 9 }, (_, i) => ({ ...answer, message_id: `m${i}`, turn_id: `t${i}` }));
    const tail = conversationSnapshot(place, ringOf(), messages)?.messages ?? [];
    expect(tail).toEqual(messages.slice(-tail.length));
    expect(tail.length).toBeLessThan(messages.length);
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
