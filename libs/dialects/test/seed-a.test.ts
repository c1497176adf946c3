import { createTurnView, foldEvent, type StoredEvent } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createDialectA } from "../src/seed-a/dialect.ts";
import { ask, framesOf } from "./asking.ts";
import { complete, token } from "./turn-events.ts";

const chained = { conversation_id: "c", turn_id: "t", ts: 1, attempt: 1, n: 0 };
const restarted = (text: string): StoredEvent => ({ type: "turn_restarted", ...chained, attempt: 2, text });
const ending = { response: "so far", message_id: "m", tool_calls: [], usage: { input_tokens: 1, output_tokens: 1 } };
const endOfCall = {
  ...chained,
  type: "tool_call_end",
  call_id: "k1",
  tool_name: "look",
  arguments: {},
  result: "result",
  duration_ms: 5,
} as const;
const lost = {
  type: "error",
  data: {
    error: "The worker that was answering was lost several times.",
    code: "WORKER_LOST",
    conversation_id: "uuid",
  },
};

function open(isAnonymous = false) {
  return createDialectA({ isAnonymous });
}

function askUuid() {
  return ask(open(), { message: "hello", conversation_id: "uuid" });
}

describe("dialect A", () => {
  it("puts everything in `data`, with the client's conversation id", async () => {
    const { show } = await askUuid();
    expect(show({ type: "thinking", ...chained, message: "Processing..." })).toEqual([
      { type: "thinking", data: { message: "Processing...", conversation_id: "uuid" } },
    ]);
    expect(show(token("t", "Here"))).toEqual([{ type: "text", data: { text: "Here", conversation_id: "uuid" } }]);
    expect(show(complete("t", "Here"))).toEqual([
      { type: "complete", data: { message: "Here", tool_calls: [], conversation_id: "uuid" } },
    ]);
  });

  it("makes a conversation id, and returns it", async () => {
    const { show, conversation } = await ask(open(), { message: "hello" });
    expect(conversation).toMatch(/^c_/);
    expect(show(token("t", "Here"))[0]).toMatchObject({ data: { conversation_id: conversation } });
  });

  it("does not let the next anonymous visitor into a conversation", async () => {
    const frame = { message: "hello", conversation_id: "uuid" };
    const first = await ask(open(true), frame, { id: "dev-anonymous-1" });
    const next = await ask(open(true), frame, { id: "dev-anonymous-2" });
    expect(first.conversation).not.toBe(next.conversation);
    expect(next.show(token("t", "x"))[0]).toMatchObject({ data: { conversation_id: "uuid" } });
  });

  it("goes on in the conversation that it made, for an anonymous page too", async () => {
    const dialect = open(true);
    const first = await ask(dialect, { message: "hello" });
    const [told] = first.show(token("t", "Here"));
    const { conversation_id } = z.object({ data: z.object({ conversation_id: z.string() }) }).parse(told).data;
    const next = await ask(dialect, { message: "and again", conversation_id });
    expect(next.conversation).toBe(first.conversation);
  });

  it("tells tool calls apart by `call_id`", async () => {
    const { show } = await askUuid();
    const call = { call_id: "k1", tool_name: "look", arguments: { all: true } };
    expect(show({ type: "tool_call_start", ...chained, ...call })).toEqual([
      { type: "tool_call_start", data: { ...call, conversation_id: "uuid" } },
    ]);
  });

  it.each([
    ["completed", "completed"],
    ["failed", "failed"],
    ["denied", "failed"],
    ["cancelled", "failed"],
    ["timeout", "failed"],
  ] as const)("says of a call that was %s: %s", async (status, told) => {
    const { show } = await askUuid();
    const event: StoredEvent = { ...endOfCall, status };
    expect(show(event)).toEqual([
      {
        type: "tool_call_end",
        data: {
          call_id: "k1",
          tool_name: "look",
          arguments: {},
          result: "result",
          status: told,
          conversation_id: "uuid",
        },
      },
    ]);
  });

  it("has all arguments of a call at its end and the turn's too, as far as it was told of its start", async () => {
    const long = { text: "x".repeat(40_000) };
    const short = { arguments: { text: "x… [cut here]" }, arguments_bytes: 40_011, arguments_id: "k1" };
    const finished = { ...endOfCall, ...short, status: "completed" } as const;
    const { show } = await askUuid();
    const started = { call_id: "k1", tool_name: "look", arguments: long };
    const call = { call_id: "k1", tool_name: "look", arguments: long, result: "result", status: "completed" };
    const events: StoredEvent[] = [
      { ...chained, type: "tool_call_start", ...started },
      finished,
      { ...chained, ...ending, type: "complete", tool_calls: [finished], metadata: {} },
    ];
    show(token("t", "so far"));
    expect(events.flatMap(show)).toEqual([
      { type: "tool_call_start", data: { ...started, conversation_id: "uuid" } },
      { type: "tool_call_end", data: { ...call, conversation_id: "uuid" } },
      { type: "complete", data: { message: "so far", tool_calls: [call], conversation_id: "uuid" } },
    ]);
    const other = await askUuid();
    expect(other.show(finished)).toMatchObject([{ data: { arguments: short.arguments, arguments_bytes: 40_011 } }]);
  });

  it("shows progress as nothing: it has no counterpart", async () => {
    const { show } = await askUuid();
    expect(show({ type: "progress", ...chained, step: "starting", message: "x" })).toEqual([]);
  });

  it.each(["length", "content_filter", "empty", "other"] as const)(
    "says that an answer is not whole: %s",
    async (finish) => {
      const { show } = await askUuid();
      const frames = show({ type: "complete", ...chained, ...ending, metadata: { finish } });
      expect(frames.at(-1)).toEqual({
        type: "complete",
        data: { message: "so far", tool_calls: [], conversation_id: "uuid", finish },
      });
    },
  );

  it("says nothing more of a whole answer than seed A documents", async () => {
    const { show } = await askUuid();
    const frames = show({ type: "complete", ...chained, ...ending, metadata: { finish: "stop" } });
    expect(frames.at(-1)).toEqual({
      type: "complete",
      data: { message: "so far", tool_calls: [], conversation_id: "uuid" },
    });
  });

  it("ends a cancelled answer as a complete one that says so", async () => {
    const { show } = await askUuid();
    expect(show({ type: "cancelled", ...chained, ...ending, reason: "by user" })).toMatchObject([
      { type: "complete", data: { message: "so far", cancelled: true } },
    ]);
  });

  it("answers what it refuses inside `data`", () => {
    const refused = { type: "error", error: "The message is empty.", code: "EMPTY_MESSAGE", retryable: false } as const;
    expect(framesOf(open().encodeFrame(refused))).toEqual([
      { type: "error", data: { error: "The message is empty.", code: "EMPTY_MESSAGE" } },
    ]);
  });

  it("is told for how long it has to wait", () => {
    const tooFast = {
      type: "error",
      error: "Too fast.",
      code: "RATE_LIMITED",
      retryable: true,
      retry_after_ms: 1_500,
    } as const;
    expect(framesOf(open().encodeFrame(tooFast))).toEqual([
      { type: "error", data: { error: "Too fast.", code: "RATE_LIMITED", retry_after_ms: 1_500 } },
    ]);
  });

  it("gets one text with all that is missing when it was slow", async () => {
    const { show, showSnapshot, turn } = await askUuid();
    show(token("t", "one "));
    const view = foldEvent(createTurnView(turn), token("t", "one two three"));
    expect(showSnapshot(view)).toEqual([{ type: "text", data: { text: "two three", conversation_id: "uuid" } }]);
    expect(showSnapshot(view)).toEqual([]);
  });
});

describe("after a restart dialect A", () => {
  it("sends only what the new attempt adds to what was sent", async () => {
    const { show } = await askUuid();
    show(token("t", "one two"));
    expect([...show(restarted("one ")), ...show(token("t", "two")), ...show(token("t", " three"))]).toEqual([
      { type: "text", data: { text: " three", conversation_id: "uuid" } },
    ]);
    expect(show(complete("t", "one two three"))).toMatchObject([{ type: "complete" }]);
  });

  it("says WORKER_LOST when the new attempt says something else; that is the turn's one end", async () => {
    const { show } = await askUuid();
    show(token("t", "one two"));
    show(restarted("one "));
    expect(show(token("t", "three"))).toEqual([lost]);
    expect([...show(token("t", "four")), ...show(complete("t", "one three four"))]).toEqual([]);
  });

  it("says WORKER_LOST when the new attempt ends before it has repeated what was sent", async () => {
    const { show } = await askUuid();
    show(token("t", "one two"));
    show(restarted(""));
    show(token("t", "one"));
    expect(show(complete("t", "one"))).toEqual([lost]);
  });

  it("completes when the new attempt ends with exactly what was sent", async () => {
    const { show } = await askUuid();
    show(token("t", "one two"));
    show(restarted(""));
    show(token("t", "one two"));
    expect(show(complete("t", "one two"))).toMatchObject([{ type: "complete", data: { message: "one two" } }]);
  });
});
