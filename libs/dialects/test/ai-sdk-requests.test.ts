import { ChatError, createTurnView, type Caller, type SnapshotFrame } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ChatBody, decodeChat } from "../src/ai-sdk/decode.ts";
import { createAiSdkSocketDialect } from "../src/ai-sdk/socket-dialect.ts";
import type { Decoded, Encoded } from "../src/dialect.ts";
import { complete, snapshotOf, token, visible } from "./turn-events.ts";

const user = (text: string, id = "m1") => ({ id, role: "user", parts: [{ type: "text", text }] });
const answer = (...parts: object[]) => ({ id: "t-a", role: "assistant", parts });
const decided = (toolCallId: string, approved: boolean, reason?: string) => ({
  type: "dynamic-tool",
  toolCallId,
  state: "approval-responded",
  approval: { id: toolCallId, approved, reason },
});
const decode = (body: object) => decodeChat(ChatBody.parse({ id: "chat", ...body }));

describe("what a chat asks", () => {
  test("is its last message, whatever stands before it", () => {
    const body = { messages: [{ anything: true }, answer({ type: "text", text: "no" }), user("why?")] };
    expect(decode(body)).toEqual({ type: "message", id: "m1", message: "why?" });
  });

  test("is its last message in the place of the one before, where its answer is wanted again or the page has changed it", () => {
    const said = { type: "message", id: "m1", message: "why?" };
    const messages = [user("why?")];
    expect(decode({ messages, trigger: "regenerate-message", messageId: "t-a" })).toEqual({
      ...said,
      renewed: "always",
    });
    expect(decode({ messages, trigger: "submit-message", messageId: "m1" })).toEqual({
      ...said,
      renewed: "if changed",
    });
    expect(decode({ messages, trigger: "submit-message", messageId: "m0" })).toEqual(said);
  });

  test("is what was decided on the calls of its last answer", () => {
    const parts = [{ type: "step-start" }, decided("t-0-0", true), decided("t-0-1", false, "no")];
    expect(decode({ messages: [answer(...parts)], confirm: "yes" })).toEqual({
      type: "decisions",
      turn: "t",
      decisions: [
        { call_id: "t-0-0", approved: true, confirm: "yes" },
        { call_id: "t-0-1", approved: false, reason: "no" },
      ],
    });
  });

  test.each([
    ["INVALID_FRAME", /made again/, { messages: [answer()], trigger: "regenerate-message" }],
    [
      "UNSUPPORTED",
      /not fetched/,
      { messages: [{ ...user("a"), parts: [{ type: "file", url: "http://10.0.0.1/" }] }] },
    ],
    ["INVALID_FRAME", /empty/, { messages: [{ ...user("a"), parts: [{ type: "file", url: "data:," }] }] }],
    ["INVALID_FRAME", /url/, { messages: [{ ...user("a"), parts: [{ type: "file" }] }] }],
    ["UNSUPPORTED", /data-x/, { messages: [{ ...user("a"), parts: [{ type: "data-x", data: 1 }] }] }],
    ["INVALID_FRAME", /user's/, { messages: [{ ...user("a"), role: "system" }] }],
    ["INVALID_FRAME", /nothing was decided/, { messages: [answer({ type: "text", text: "a" })] }],
    ["INVALID_FRAME", /last message/, { messages: ["hello"] }],
    ["INVALID_FRAME", /id/, { messages: [{ ...user("a"), id: "" }] }],
    ["NOT_FOUND", /call/, { messages: [answer(decided("t-0-0", true), decided("other-0-0", true))] }],
    ["NOT_FOUND", /call/, { messages: [answer(decided("not-ours", true))] }],
    ["INVALID_FRAME", /approval/, { messages: [answer({ ...decided("t-0-0", true), approval: { id: "t-0-0" } })] }],
    [
      "INVALID_FRAME",
      /64 calls/,
      { messages: [answer(...Array.from({ length: 65 }, (_, n) => decided(`t-0-${n}`, true)))] },
    ],
    ["INVALID_FRAME", /deeper/, { messages: [JSON.parse(`${"[".repeat(70)}${"]".repeat(70)}`), user("a")] }],
  ])("is refused with %s %s", (code, sentence, body) => {
    const refused = (): unknown => decode(body);
    expect(refused).toThrow(ChatError);
    expect(refused).toThrow(expect.objectContaining({ code, message: expect.stringMatching(sentence) }));
  });
});

const Frame = z.looseObject({ type: z.string(), requestId: z.string(), sequence: z.number().optional() });

function framesOf(encoded: Encoded) {
  const list = encoded instanceof Uint8Array ? [encoded] : encoded;
  return list.map((bytes) => Frame.parse(JSON.parse(Buffer.from(bytes).toString())));
}

function socket({ cancelsOnAbort = false, cut = "" } = {}) {
  const streams = { begun: 0, replayed: 0, ended: 0 };
  const dialect = createAiSdkSocketDialect({
    isOwn: async () => true,
    renew: async (_caller, _conversation, { renewed }) =>
      renewed === undefined ? undefined : { id: "again", supersedes: "t" },
    begun: {
      begin(_turn, kind) {
        streams[kind === "replay" ? "replayed" : "begun"]++;
        return { ended: () => void streams.ended++ };
      },
      lastCut: async () => (cut === "" ? undefined : cut),
    },
    cancelsOnAbort,
  });
  const caller: Caller = { user: { id: "ann" }, roles: [], address: "" };
  const send = async (frame: object): Promise<Decoded> =>
    dialect.decode(JSON.stringify({ id: "c_chat", ...frame }), caller);
  const accept = (id: string, turn_id: string): void => {
    const place = { conversation_id: "c_chat", turn_id };
    dialect.encodeFrame({ type: "accepted", id, ...place, message_id: `${turn_id}-u`, position: 0 });
  };
  return { dialect, send, accept, streams };
}

const sent = { type: "send", requestId: "r1", trigger: "submit-message", headers: {}, body: {} };
test("a message in the place of another one is a new one on the socket, which is answered under its request", async () => {
  const { send, accept, dialect } = socket();
  const frame = { ...sent, trigger: "regenerate-message", messages: [user("why?")] };
  expect(await send(frame)).toMatchObject({ type: "message", id: "again", message: "why?", supersedes: "t" });
  accept("again", "t2");
  expect(framesOf(dialect.encodeEvent(visible(1, token("t2", "so")))).length).toBeGreaterThan(0);
});

const none: SnapshotFrame = {
  type: "snapshot",
  conversation_id: "c_chat",
  seq: 9,
  status: "idle",
  ts: 10_000_000,
  messages: [],
};

describe("a socket of the AI SDK", () => {
  test("numbers the chunks of each request from 0 without a gap", async () => {
    const { dialect, send } = socket();
    await send({ ...sent, messages: [user("one", "m1")] });
    await send({ ...sent, requestId: "r2", messages: [user("two", "m2")] });
    const begin = (id: string, turn_id: string) => {
      const frame = { type: "accepted" as const, id, conversation_id: "c_chat", turn_id, message_id: "", position: 0 };
      return framesOf(dialect.encodeFrame(frame));
    };
    const frames = [...begin("m1", "t1"), ...begin("m2", "t2")];
    for (const event of [
      token("t1", "a"),
      token("t2", "b"),
      token("t1", "c"),
      complete("t1", "ac"),
      complete("t2", "b"),
    ])
      frames.push(...framesOf(dialect.encodeEvent(visible(frames.length + 1, event))));
    for (const id of ["r1", "r2"]) {
      const own = frames.filter(({ requestId }) => requestId === id);
      expect(own.at(-1)?.type).toBe("end");
      const numbers = own.slice(0, -1).map(({ sequence }) => sequence);
      expect(numbers).toEqual(numbers.map((_, index) => index));
    }
    expect(dialect.turnsIn?.("c_chat")).toEqual([]);
  });

  test("says to who resumes that nothing runs", async () => {
    const { dialect, send } = socket();
    expect(await send({ type: "resume", requestId: "r1" })).toEqual({ type: "subscribe", conversation_id: "c_chat" });
    expect(framesOf(dialect.encodeFrame(none))).toEqual([{ type: "no-active", requestId: "r1" }]);
    await send({ type: "resume", requestId: "r2" });
    const unknown = {
      type: "error",
      frame: "subscribe",
      conversation_id: "c_chat",
      code: "NOT_FOUND",
      error: "",
      retryable: false,
    } as const;
    expect(framesOf(dialect.encodeFrame(unknown))).toEqual([{ type: "no-active", requestId: "r2" }]);
  });

  test("replays to who resumes what runs, from its beginning", async () => {
    const { dialect, send } = socket();
    await send({ type: "resume", requestId: "r1" });
    const view = {
      ...createTurnView("t1"),
      status: "running" as const,
      parts: [{ type: "text" as const, text: "so far" }],
    };
    expect(framesOf(dialect.encodeEvent(visible(1, token("t1", "early"))))).toEqual([]);
    const frames = framesOf(dialect.encodeFrame(snapshotOf(view, { conversation_id: "c_chat", seq: 5 })));
    expect(frames[0]).toEqual({ type: "start", requestId: "r1" });
    expect(frames.at(-1)).toMatchObject({ sequence: 3, chunk: { type: "text-delta", delta: "so far" } });
  });

  test.each([
    ["t1", { begun: 0, replayed: 1, ended: 1 }],
    ["", { begun: 0, replayed: 0, ended: 0 }],
  ])("replays an answer that has ended only where a stream of it was cut (%j)", async (cut, counted) => {
    const { dialect, send, streams } = socket({ cut });
    await send({ type: "resume", requestId: "r1" });
    const about = { conversation_id: "c_chat", turn_id: "t1", ts: 1 };
    const answer = { ...about, message_id: "t1-a", author: { role: "assistant" as const }, message: "so", seq: 3 };
    const frames = framesOf(dialect.encodeFrame({ ...none, messages: [{ ...answer, status: "complete" }] }));
    expect(frames.at(-1)?.type).toBe(cut === "" ? "no-active" : "end");
    expect(streams).toEqual(counted);
  });

  test("counts a stream as ended when its end was sent, and not when its client let go", async () => {
    const { dialect, send, accept, streams } = socket();
    await send({ ...sent, messages: [user("one")] });
    accept("m1", "t1");
    expect(streams).toEqual({ begun: 1, replayed: 0, ended: 0 });
    dialect.encodeEvent(visible(2, complete("t1", "")));
    expect(streams.ended).toBe(1);
    await send({ ...sent, requestId: "r2", messages: [user("two", "m2")] });
    accept("m2", "t2");
    await send({ type: "abort", requestId: "r2" });
    dialect.encodeEvent(visible(3, complete("t2", "")));
    expect(streams).toEqual({ begun: 2, replayed: 0, ended: 1 });
  });

  test.each([
    [false, { type: "ping" }],
    [true, { type: "cancel", conversation_id: "c_chat", turn_id: "t1" }],
  ])("takes an abort as a stop only where it was opened so (%s)", async (cancelsOnAbort, frame) => {
    const { dialect, send, accept } = socket({ cancelsOnAbort });
    await send({ ...sent, messages: [user("one")] });
    accept("m1", "t1");
    expect(await send({ type: "abort", requestId: "r1" })).toEqual(frame);
    expect(dialect.encodeEvent(visible(1, token("t1", "a")))).toEqual([]);
  });

  test("asks for a decision on each call, in their order, and then to be shown how it goes on", async () => {
    const { send } = socket();
    const messages = [answer(decided("t-0-0", true), decided("t-0-1", false, "no"))];
    const about = { type: "approve", conversation_id: "c_chat" };
    expect(await send({ ...sent, messages, body: { confirm: "yes" } })).toEqual([
      { ...about, call_id: "t-0-0", approved: true, confirm: "yes" },
      { ...about, call_id: "t-0-1", approved: false, reason: "no" },
      { type: "subscribe", conversation_id: "c_chat" },
    ]);
  });

  test("lets go of a request whose decision is refused, and of no other in its conversation", async () => {
    const { dialect, send } = socket();
    await send({ ...sent, messages: [answer(decided("t-0-0", true))] });
    await send({ ...sent, requestId: "r2", messages: [answer(decided("t-0-0", false))] });
    const about = { frame: "approve", conversation_id: "c_chat", call_id: "t-0-0" } as const;
    const refusal = { type: "error", error: "No.", code: "CONFLICT", retryable: false, ...about } as const;
    expect(framesOf(dialect.encodeFrame(refusal))).toEqual([{ type: "error", requestId: "r2", errorText: "No." }]);
    expect(dialect.turnsIn?.("c_chat")).toEqual(["t"]);
  });

  test("names the request in what it refuses, and says nothing that belongs to none", async () => {
    const { dialect, send } = socket();
    await expect(send({ ...sent, messages: [answer()] })).rejects.toThrow(ChatError);
    const error = { type: "error", error: "No.", code: "INVALID_FRAME", retryable: false, frame: "send" } as const;
    expect(framesOf(dialect.encodeFrame(error))).toEqual([{ type: "error", requestId: "r1", errorText: "No." }]);
    await send({ ...sent, requestId: "r2", messages: [user("one")] });
    const limited = { ...error, frame: "message", id: "m1", code: "RATE_LIMITED" } as const;
    expect(framesOf(dialect.encodeFrame(limited))).toEqual([{ type: "error", requestId: "r2", errorText: "No." }]);
    expect(dialect.encodeFrame({ type: "pong", ts: 1 })).toEqual([]);
  });

  test("takes no more answers at a time than a client has chats", async () => {
    const { send } = socket();
    for (let n = 0; n < 32; n++) await send({ ...sent, requestId: `r${n}`, messages: [user("one", `m${n}`)] });
    await expect(send({ ...sent, requestId: "more", messages: [user("one", "more")] })).rejects.toThrow(/Too many/);
    const decision = { ...sent, requestId: "more", messages: [answer(decided("t-0-0", true))] };
    await expect(send(decision)).rejects.toThrow(/Too many/);
  });
});
