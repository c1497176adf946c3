import { ChatError } from "@parley/protocol";
import { expect, it } from "vitest";
import { streamLimited } from "../../src/model/limited-stream.ts";
import type { ModelClient, ModelEvent, ModelRequest, OnEvents, RequestLimit } from "../../src/model/model.ts";

const request: ModelRequest = { messages: [], tools: [], requestId: "r" };
const text = (word: string): ModelEvent => ({ type: "text", text: word });
const end: ModelEvent = { type: "end", finish: "stop", model: "m", usage: { input_tokens: 1, output_tokens: 3 } };
const usedUp = new ChatError("QUOTA_EXCEEDED");

/** Each text is a token. `decide` is asked where there is no room for one. */
function limitOf(
  roomTokens: number,
  decide: (limit: { room: number; isOver: boolean }) => Promise<void>,
): RequestLimit {
  const state = { room: roomTokens, isOver: false };
  let counted = 0;
  return {
    allowed: Promise.resolve(),
    count: (event) => (event.type === "text" ? ++counted : counted),
    counted: (tokens) => void (counted = tokens),
    room: () => state.room,
    exceeded: () => (state.isOver ? usedUp : undefined),
    decided: () => decide(state),
  };
}

function clientOf(act: (onEvents: OnEvents, signal: AbortSignal) => Promise<void>): ModelClient {
  return { stream: (_request, signal, onEvents) => act(onEvents, signal) };
}

async function told(client: ModelClient, limit: RequestLimit, signal = new AbortController().signal) {
  const seen: ModelEvent[] = [];
  const result = await streamLimited({
    client,
    request,
    signal,
    limit,
    onEvents: (events) => seen.push(...events),
  }).then(
    () => "whole",
    (error: unknown) => error,
  );
  return { words: seen.map((event) => (event.type === "text" ? event.text : event.type)), result };
}

it("tells nothing before there is room for it, and all of it when there is", async () => {
  let asked = 0;
  const limit = limitOf(1, async (state) => {
    asked++;
    state.room = 10;
  });
  const client = clientOf(async (onEvents) => onEvents([text("a"), text("b"), text("c"), end]));
  expect(await told(client, limit)).toEqual({ words: ["a", "b", "c", "end"], result: "whole" });
  expect(asked).toBe(1);
});

it("closes the request where there is no more, also while the provider is silent", async () => {
  const limit = limitOf(2, async (state) => void (state.isOver = true));
  const client = clientOf(async (onEvents, signal) => {
    onEvents([text("a"), text("b"), text("c")]);
    await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  expect(await told(client, limit)).toEqual({ words: ["a", "b"], result: usedUp });
});

it("fails with the reason of who stops it, and tells nothing after that", async () => {
  const stop = new AbortController();
  const limit = limitOf(0, () => new Promise(() => {}));
  const client = clientOf(async (onEvents, signal) => {
    onEvents([text("a")]);
    stop.abort(new Error("cancelled"));
    signal.throwIfAborted();
  });
  expect(await told(client, limit, stop.signal)).toEqual({ words: [], result: new Error("cancelled") });
});

it("passes on what the reader throws", async () => {
  const limit = limitOf(10, async () => {});
  const client = clientOf(async (onEvents) => onEvents([text("a")]));
  const tooLong = new Error("too long");
  const failing = streamLimited({
    ...{ client, request, limit, signal: new AbortController().signal },
    onEvents: () => {
      throw tooLong;
    },
  });
  await expect(failing).rejects.toBe(tooLong);
});
