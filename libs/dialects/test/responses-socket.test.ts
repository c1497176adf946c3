import { ChatError, type Caller, type FrameError } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { paramError } from "../src/openai/error.ts";
import type { ResponsesRequest } from "../src/responses/decode.ts";
import { createResponsesSocketDialect, type SocketResponse } from "../src/responses/socket-dialect.ts";
import { ann, ask, framesOf, type Asking } from "./asking.ts";
import { complete, token, toolEnd, visible } from "./turn-events.ts";

const caller: Caller = { user: ann, roles: [] };
const known = { segment: 0, createdMs: 0, model: "parley", previous: null, background: false, metadata: {} };
const create = { type: "response.create", input: "Hi" };
const typesOf = (frames: readonly { readonly type: string }[]): string[] => frames.map(({ type }) => type);

/** A socket, and what it asked for. `begin`: what becomes of a request. */
function open(begin?: (body: ResponsesRequest) => SocketResponse) {
  const asked: ResponsesRequest[] = [];
  let failures = 0;
  const dialect = createResponsesSocketDialect({
    begin(_caller, body) {
      asked.push(body);
      const id = `m${asked.length}`;
      const frame = {
        type: "message" as const,
        id,
        message: "Hi",
        conversation_id: `c_${id}`,
        on_busy: "enqueue" as const,
      };
      return Promise.resolve(begin?.(body) ?? { frame, known, turn: undefined });
    },
    failed: () => void failures++,
    closed: () => {},
  });
  return { dialect, asked, failures: () => failures };
}

const refusalOf = (frame: FrameError["frame"], conversation_id?: string): FrameError => ({
  ...{ type: "error", error: "There is no room.", code: "QUEUE_FULL", retryable: true },
  ...{ ...(frame && { frame }), ...(conversation_id && { conversation_id }) },
});

const answer = ({ turn, show }: Asking) => [...show(token(turn, "Hello")), ...show(complete(turn, "Hello"))];

describe("a socket of the Responses API", () => {
  test("asks as a body does, and has each event as a frame, and nothing behind the last", async () => {
    const { dialect, asked } = open();
    const frames = answer(await ask(dialect, { ...create, previous_response_id: null, store: false }));
    expect(asked[0]).toMatchObject({ input: "Hi", store: false, stream: true });
    expect(asked[0]).not.toHaveProperty("type");
    // The first two came when it was accepted.
    expect(frames.map((frame) => frame["sequence_number"])).toEqual(frames.map((_, at) => at + 2));
    expect(typesOf(frames).at(-1)).toBe("response.completed");
  });

  test("has one response at a time: the next request waits for the end of the one before", async () => {
    const { dialect, asked } = open();
    const first = await ask(dialect, create);
    const second = ask(dialect, create);
    await Promise.resolve();
    expect(asked).toHaveLength(1);
    expect(dialect.isWaitingIn?.(first.conversation)).toBe(true);
    answer(first);
    const { conversation } = await second;
    expect(asked).toHaveLength(2);
    expect([first.conversation, conversation].map((id) => dialect.isWaitingIn?.(id))).toEqual([false, true]);
  });

  test("shows nothing of other turns", async () => {
    const { dialect } = open();
    const { show, turn } = await ask(dialect, create);
    expect(show({ ...token("other", "x"), turn_id: "other" })).not.toContainEqual(
      expect.objectContaining({ type: "x" }),
    );
    expect(typesOf(show(complete(turn, "Hello"))).at(-1)).toBe("response.completed");
    expect(show(complete(turn, "Hello"))).toEqual([]);
  });

  test.each([
    ["what is not JSON", "not JSON", null],
    ["a frame without a type", JSON.stringify({ input: "Hi" }), "type"],
    ["a warm-up", JSON.stringify({ ...create, generate: false }), "generate"],
    ["a field of another type", JSON.stringify({ ...create, metadata: { a: 1 } }), "metadata.a"],
    ["what is nested deeply", `{"type":"response.create","input":${"[".repeat(200)}${"]".repeat(200)}}`, null],
  ])("refuses %s in the form of the API, and goes on", async (_what, text, param) => {
    const { dialect, asked } = open();
    await expect(dialect.decode(text, caller)).rejects.toThrow(ChatError);
    const [frame] = framesOf(dialect.encodeFrame(refusalOf("response.create")));
    expect(frame).toMatchObject({
      type: "error",
      status: 400,
      error: { code: "invalid_request", param, type: "invalid_request_error" },
    });
    expect(asked).toEqual([]);
    expect(typesOf(answer(await ask(dialect, create))).at(-1)).toBe("response.completed");
  });

  test("says which field was at fault, although the frame that refuses does not know", async () => {
    const { dialect } = open(() => {
      throw paramError("previous_response_id", "There is no such response.", "NOT_FOUND");
    });
    await expect(dialect.decode(JSON.stringify(create), caller)).rejects.toThrow("no such response");
    expect(framesOf(dialect.encodeFrame(refusalOf("response.create")))).toMatchObject([
      { status: 404, error: { code: "previous_response_not_found", param: "previous_response_id" } },
    ]);
  });

  test("a message that is refused, or whose conversation is deleted, makes room for the next one", async () => {
    const { dialect, failures } = open();
    await dialect.decode(JSON.stringify(create), caller);
    expect(framesOf(dialect.encodeFrame(refusalOf("message", "c_m1")))).toMatchObject([
      { type: "error", status: 429, error: { code: "queue_full", message: "There is no room." } },
    ]);
    expect(failures()).toBe(1);
    const { conversation } = await ask(dialect, create);
    expect(dialect.encodeFrame(refusalOf("delete", "c_other"))).toEqual([]);
    const ended = framesOf(dialect.encodeFrame({ ...refusalOf("delete", conversation), code: "NOT_FOUND" }));
    expect(typesOf(ended).at(-1)).toBe("response.failed");
    expect(failures()).toBe(2);
    expect(typesOf(answer(await ask(dialect, create))).at(-1)).toBe("response.completed");
  });

  test("what people decided on goes on in their turn, seen by its snapshot", async () => {
    const turn = { conversation_id: "c_1", turn_id: "t0" };
    const frame = { type: "subscribe" as const, conversation_id: "c_1" };
    const { dialect } = open(() => ({ frame, known: { ...known, segment: 0 }, turn }));
    expect(await dialect.decode(JSON.stringify(create), caller)).toEqual([frame]);
    expect(dialect.turnsIn?.("c_1")).toEqual(["t0"]);
    // Whoever looked on already gets its events before the snapshot: they say nothing without what was before them.
    expect(dialect.encodeEvent(visible(2, toolEnd("t0", "t0-0-0")))).toEqual([]);
    const at = { conversation_id: "c_1", seq: 3, ts: 1, turn_id: "t0", attempt: 1 };
    const running = { type: "snapshot" as const, ...at, status: "running", text: "Hello there " };
    expect(typesOf(framesOf(dialect.encodeFrame(running)))).toContain("response.output_text.delta");
  });

  test("what people decide is handled before the rest is asked for, and a refusal of it is one of the response", async () => {
    const word = { type: "approve" as const, conversation_id: "c_1", call_id: "t0-0-0", approved: true };
    const frame = { type: "subscribe" as const, conversation_id: "c_1" };
    const turn = { conversation_id: "c_1", turn_id: "t0" };
    const { dialect, failures } = open(() => ({ decisions: [word], frame, known: { ...known, segment: 1 }, turn }));
    expect(await dialect.decode(JSON.stringify(create), caller)).toEqual([word, frame]);
    expect(framesOf(dialect.encodeFrame(refusalOf("approve", "c_1")))).toMatchObject([{ type: "error" }]);
    expect(failures()).toBe(1);
    // Its place is free.
    expect(await dialect.decode(JSON.stringify(create), caller)).toEqual([word, frame]);
  });

  test("a token that is not valid, and none, are told as the API does", async () => {
    const { dialect } = open();
    await expect(dialect.decode(JSON.stringify(create), undefined)).rejects.toMatchObject({ code: "AUTH_REQUIRED" });
    expect(framesOf(dialect.encodeFrame(refusalOf(undefined)))).toMatchObject([{ type: "error", status: 401 }]);
    const refused = { type: "auth_error" as const, message: "The token is not valid.", code: "AUTH_INVALID" };
    expect(framesOf(dialect.encodeFrame(refused))).toMatchObject([
      { status: 401, error: { code: "invalid_api_key", message: "The token is not valid." } },
    ]);
  });
});
