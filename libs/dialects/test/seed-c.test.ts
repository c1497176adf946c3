import { createTurnView, foldEvent, type StoredEvent } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { createDialectC } from "../src/seed-c/dialect.ts";
import { ann, ask, framesOf } from "./asking.ts";
import { complete, message, token, toolEnd } from "./turn-events.ts";

const nobodysOwn = (): Promise<boolean> => Promise.resolve(false);

const chained = { conversation_id: "c", turn_id: "t", ts: 1, attempt: 1, n: 0 };
const restarted = (text: string): StoredEvent => ({ type: "turn_restarted", ...chained, attempt: 2, text });
const ending = { response: "so far", message_id: "m", tool_calls: [], usage: { input_tokens: 1, output_tokens: 1 } };

function open() {
  return createDialectC({ isOwn: nobodysOwn });
}

describe("dialect C", () => {
  it("sends each token with the answer so far", async () => {
    const { show } = await ask(open(), { type: "message", message: "hello" });
    expect(show(token("t", "Hel"))).toEqual([{ type: "token", token: "Hel", partial_response: "Hel" }]);
    expect(show(token("t", "lo"))).toEqual([{ type: "token", token: "lo", partial_response: "Hello" }]);
  });

  it("ends with the response, the client's own session id, and all metadata", async () => {
    const { show } = await ask(open(), { type: "message", message: "hello", session_id: "python-session-1" });
    expect(show(complete("t", "Hello"))).toEqual([
      {
        type: "complete",
        response: "Hello",
        session_id: "python-session-1",
        metadata: { agent: "general", confidence: 0, context: { sources: [] } },
      },
    ]);
  });

  it("names the conversation when the client gave no session", async () => {
    const { show, conversation } = await ask(open(), { type: "message", message: "hello", session_id: null });
    expect(conversation).toMatch(/^c_/);
    expect(show(complete("t", "Hello"))[0]).toMatchObject({ session_id: conversation });
  });

  it("tells that the work began, once, as the first step", async () => {
    const { show } = await ask(open(), { type: "message", message: "hello" });
    const first = { type: "progress", step: "starting", message: "Processing started" };
    expect(show({ type: "thinking", ...chained, message: "Thinking…" })).toEqual([first]);
    // As a worker of an older version goes on.
    expect(show({ ...chained, type: "progress", step: "starting", message: "Processing started" })).toEqual([]);
    const { show: other } = await ask(open(), { type: "message", message: "hello" });
    expect(other({ ...chained, type: "progress", step: "starting", message: "Processing started" })).toEqual([first]);
  });

  it("tells agent, confidence and the titles of sources", async () => {
    const { show } = await ask(open(), { type: "message", message: "hello" });
    const sources = [{ title: "engine.md", score: 2 }];
    const routed: StoredEvent = {
      type: "progress",
      ...chained,
      step: "rag_retrieval",
      message: "Searching",
      agent: "specs",
      confidence: 0.75,
      sources,
    };
    const told = { agent: "specs", confidence: 0.75, sources: ["engine.md"] };
    expect(show(routed)).toEqual([{ type: "progress", step: "rag_retrieval", message: "Searching", ...told }]);
    const metadata = { agent: "specs", confidence: 0.75, context: { sources: ["engine.md"] } };
    expect(show(complete("t", "Hello"))[0]).toMatchObject({ metadata });
  });

  it("has the right answer so far after a restart", async () => {
    const { show } = await ask(open(), { type: "message", message: "hello" });
    show(token("t", "one two"));
    expect(show(restarted("one "))).toEqual([]);
    expect(show(token("t", "three"))).toEqual([{ type: "token", token: "three", partial_response: "one three" }]);
  });

  it("gets one token with all that is missing when it was slow", async () => {
    const { show, showSnapshot, turn } = await ask(open(), { type: "message", message: "hello" });
    show(token("t", "one "));
    const view = [token("t", "one two three"), toolEnd("t", "k1")].reduce(foldEvent, createTurnView(turn));
    const frames = showSnapshot(view);
    expect(frames.map(({ type }) => type)).toEqual(["tool_call_start", "tool_call_end", "token"]);
    expect(frames[2]).toEqual({ type: "token", token: "two three", partial_response: "one two three" });
    expect(showSnapshot(view)).toEqual([]);
  });

  it("gets the end from the transcript when its events are gone", async () => {
    const dialect = open();
    const { turn, conversation } = await ask(dialect, { type: "message", message: "hello", session_id: "s" });
    const answer = { message_id: "m", turn_id: turn, author: { role: "assistant" }, message: "Hello", ts: 1 } as const;
    const snapshot = { type: "snapshot", conversation_id: conversation, seq: 9, status: "idle", ts: 1 } as const;
    const frames = framesOf(dialect.encodeFrame({ ...snapshot, messages: [{ ...answer, status: "complete" }] }));
    expect(frames).toMatchObject([
      { type: "token", token: "Hello", partial_response: "Hello" },
      { type: "complete", response: "Hello", session_id: "s" },
    ]);
    expect(dialect.isWaitingIn?.(conversation)).toBe(false);
  });

  it("ends a cancelled answer as a complete one that says so", async () => {
    const { show } = await ask(open(), { type: "message", message: "hello", session_id: "s" });
    const frames = show({ type: "cancelled", ...chained, ...ending, reason: "cancelled by user" });
    expect(frames).toMatchObject([{ type: "complete", response: "so far", metadata: { cancelled: true } }]);
  });

  it.each(["length", "content_filter", "empty", "other"] as const)(
    "says that an answer is not whole: %s",
    async (finish) => {
      const { show } = await ask(open(), { type: "message", message: "hello" });
      const cut = { type: "complete", ...chained, ...ending, metadata: { agent: "specs", finish } } as const;
      const metadata = { agent: "specs", confidence: 0, context: { sources: [] }, finish };
      expect(show(cut)).toMatchObject([{ type: "complete", response: "so far", metadata }]);
    },
  );

  it("says nothing more of a whole answer than seed C documents", async () => {
    const { show } = await ask(open(), { type: "message", message: "hello" });
    const [frame] = show({ type: "complete", ...chained, ...ending, metadata: { finish: "stop" } });
    expect(frame?.["metadata"]).toEqual({ agent: "general", confidence: 0, context: { sources: [] } });
  });

  it("ends a failed answer with its sentence and code, and nothing else", async () => {
    const { show } = await ask(open(), { type: "message", message: "hello" });
    const failed = { error: "It broke.", code: "MODEL_TIMEOUT", retryable: true } as const;
    const frames = show({ type: "error", ...chained, ...ending, ...failed });
    expect(frames).toEqual([{ type: "error", error: "It broke.", code: "MODEL_TIMEOUT" }]);
  });

  it("shows nothing of what the client did not ask for", async () => {
    const dialect = open();
    const { show, turn, conversation } = await ask(dialect, { type: "message", message: "hello" });
    expect(show(message("t"))).toEqual([]);
    expect(dialect.isWaitingIn?.(conversation)).toBe(true);
    expect(show(complete(turn, "Hello"))).toHaveLength(1);
    expect(dialect.isWaitingIn?.(conversation)).toBe(false);
    expect(show(token(turn, "late"))).toEqual([]);
  });

  it("answers what it refuses with a sentence and a code", () => {
    const refused = { type: "error", error: "The message is empty.", code: "EMPTY_MESSAGE", retryable: false } as const;
    expect(framesOf(open().encodeFrame(refused))).toEqual([
      { type: "error", error: "The message is empty.", code: "EMPTY_MESSAGE" },
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
      { type: "error", error: "Too fast.", code: "RATE_LIMITED", retry_after_ms: 1_500 },
    ]);
  });

  it("always names all three fields of the user", () => {
    const success = { type: "auth_success", message: "Welcome.", user: { id: "ann" }, expires_at: 1 } as const;
    expect(framesOf(open().encodeFrame(success))).toEqual([
      {
        type: "auth_success",
        message: "Authentication successful",
        user: { id: "ann", email: "", name: "" },
        expires_at: 1,
      },
    ]);
  });
});

describe("a session id", () => {
  const frame = { type: "message", message: "hello", session_id: "python-session-1" };

  it("is the same conversation again for the same user, on whichever connection", async () => {
    expect((await ask(open(), frame)).conversation).toBe((await ask(open(), frame)).conversation);
  });

  it("of another user is another conversation", async () => {
    const anns = await ask(open(), frame, ann);
    expect((await ask(open(), frame, { id: "bert" })).conversation).not.toBe(anns.conversation);
  });

  it("that is the id of a conversation of the user's is that conversation", async () => {
    const dialect = createDialectC({
      isOwn: (conversation, { user }) => Promise.resolve(conversation === "c_1" && user.id === "ann"),
    });
    expect((await ask(dialect, { ...frame, session_id: "c_1" })).conversation).toBe("c_1");
    expect((await ask(dialect, { ...frame, session_id: "c_1" }, { id: "bert" })).conversation).not.toBe("c_1");
  });

  it("may be any text", async () => {
    const { conversation, show } = await ask(open(), { ...frame, session_id: "a.b > *" });
    expect(conversation).toMatch(/^[A-Za-z0-9_-]{1,128}$/);
    expect(show(complete("t", "Hello"))[0]).toMatchObject({ session_id: "a.b > *" });
  });

  it("that is absent means the connection's own conversation", async () => {
    const dialect = open();
    const first = await ask(dialect, { type: "message", message: "hello" });
    expect((await ask(dialect, { type: "message", message: "and?" })).conversation).toBe(first.conversation);
    expect((await ask(open(), { type: "message", message: "hello" })).conversation).not.toBe(first.conversation);
  });
});
