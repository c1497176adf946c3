import { subjects } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, tokens, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import { ask } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** The turns that wait in a conversation, in the hands of the test. */
async function turnsIn(conversation: string, count = 1): Promise<FakeTurn[]> {
  const queued = await eventually(
    async () => {
      const waiting = await world.bus.turns.waiting(conversation);
      return waiting.length >= count ? waiting : undefined;
    },
    { what: `${count} turns in ${conversation}` },
  );
  return queued.map(({ request }) => world.worker.take(conversation, request.turn_id));
}

const usage = { input_tokens: 1, output_tokens: 2 };

describe("POST /api/v1/chat", () => {
  it("answers with the whole answer, in the fields of seed C", async () => {
    const body = { message: "hello", conversation_id: "c_whole", customer_id: "k1" };
    const asked = ask(edge, "POST", "/api/v1/chat", { body });
    const [turn] = await turnsIn("c_whole");
    await turn!.token("Hi");
    await turn!.append({
      type: "complete",
      conversation_id: "c_whole",
      turn_id: turn!.turn,
      ts: 1,
      attempt: 1,
      n: 1,
      response: "Hi there",
      message_id: `${turn!.turn}-a`,
      tool_calls: [],
      usage,
      metadata: {
        ...{ agent: "specs", confidence: 0.5, model: "m1", handover: "ended" },
        context: { sources: [{ title: "doc.md", score: 1 }], found: 1, cited: [] },
      },
    });
    const { status, body: answer } = await asked;
    expect(status).toBe(200);
    expect(answer).toEqual({
      response: "Hi there",
      session_id: "c_whole",
      metadata: {
        ...{ agent: "specs", confidence: 0.5, model: "m1", handover: "ended" },
        context: { sources: ["doc.md"], found: 1, cited: [] },
      },
      conversation_id: "c_whole",
      turn_id: turn!.turn,
      message_id: `${turn!.turn}-a`,
      parts: [{ type: "text", text: "Hi there" }],
      tool_calls: [],
      usage,
    });
  });

  it("says in which order text and calls came", async () => {
    const conversation_id = "c_parts";
    const asked = ask(edge, "POST", "/api/v1/chat", { body: { message: "look", conversation_id } });
    const [turn] = await turnsIn(conversation_id);
    const call = { call_id: "k", tool_name: "look", arguments: {}, status: "completed", result: "3", duration_ms: 1 };
    await turn!.token("Let me look.");
    await turn!.append({ type: "tool_call_end", conversation_id, turn_id: turn!.turn, ts: 1, ...call }, "tool.k");
    await turn!.token(" There are 3.");
    await turn!.complete("Let me look. There are 3.");
    const { parts } = (await asked).body;
    const expected = [
      { type: "text", text: "Let me look." },
      { type: "tool_call", ...call },
    ];
    expect(parts).toEqual([...expected, { type: "text", text: " There are 3." }]);
  });

  it.each([
    ["/api/v1/chat", (body: { metadata: object }) => body.metadata],
    ["/api/chat/message", (body: object) => body],
  ] as const)("%s says that an answer is not whole", async (path, placeOf) => {
    const conversation_id = `c_cut_${path.length}`;
    const asked = ask(edge, "POST", path, { body: { message: "cut", conversation_id } });
    const [turn] = await turnsIn(conversation_id);
    const chained = { conversation_id, turn_id: turn!.turn, ts: 1, attempt: 1, n: 1 };
    const message = { response: "so f", message_id: `${turn!.turn}-a`, tool_calls: [], usage };
    await turn!.append({ type: "complete", ...chained, ...message, metadata: { finish: "length" } });
    const { status, body } = await asked;
    expect(status).toBe(200);
    expect(placeOf(body)).toMatchObject({ finish: "length" });
  });

  it("submits a message once for one Idempotency-Key, and answers each request with that key", async () => {
    const options = { body: { message: "once", conversation_id: "c_once" }, headers: { "idempotency-key": "k-1" } };
    const asked = [ask(edge, "POST", "/api/v1/chat", options), ask(edge, "POST", "/api/v1/chat", options)];
    const [turn] = await turnsIn("c_once");
    await turn!.complete("only one");
    const answers = await Promise.all(asked);
    expect(answers.map(({ body }) => [body.response, body.turn_id])).toEqual([
      ["only one", turn!.turn],
      ["only one", turn!.turn],
    ]);
    const later = await ask(edge, "POST", "/api/v1/chat", options);
    expect(later.body).toEqual(answers[0]!.body);
  });

  it("finds the conversation again that a repeated key began", async () => {
    const options = { body: { message: "again" }, headers: { "idempotency-key": "k-new" } };
    const gone = new AbortController();
    const first = ask(edge, "POST", "/api/v1/chat", { ...options, signal: gone.signal }).catch(() => undefined);
    const second = ask(edge, "POST", "/api/v1/chat", options);
    const queued = await eventually(
      async () => (await world.bus.turns.scan(50)).find(({ request }) => request.message === "again"),
      { what: "the turn" },
    );
    const { conversation_id, turn_id } = queued.request;
    gone.abort();
    await first;
    await world.worker.take(conversation_id, turn_id).complete("found");
    expect((await second).body).toMatchObject({ response: "found", conversation_id, turn_id });
  });

  it("answers an error of the turn with its status and where it happened", async () => {
    const asked = ask(edge, "POST", "/api/v1/chat", { body: { message: "fail", conversation_id: "c_fail" } });
    const [turn] = await turnsIn("c_fail");
    const common = { conversation_id: "c_fail", turn_id: turn!.turn, ts: 1, attempt: 1, n: 0 };
    await turn!.append({
      type: "error",
      ...common,
      error: "The language model cannot be reached.",
      code: "MODEL_UNAVAILABLE",
      retryable: true,
      retry_after_ms: 1_500,
      response: "",
      message_id: "x",
      tool_calls: [],
      usage,
    });
    const { status, headers, body } = await asked;
    expect(status).toBe(502);
    expect(headers.get("retry-after")).toBe("2");
    expect(body).toEqual({
      error: "The language model cannot be reached.",
      code: "MODEL_UNAVAILABLE",
      retryable: true,
      retry_after_ms: 1_500,
      conversation_id: "c_fail",
      turn_id: turn!.turn,
    });
  });

  it("lets the turn go on when the client goes away", async () => {
    const leaving = new AbortController();
    const asked = ask(edge, "POST", "/api/v1/chat", {
      body: { message: "bye", conversation_id: "c_gone" },
      signal: leaving.signal,
    }).catch(() => "gone");
    const [turn] = await turnsIn("c_gone");
    leaving.abort();
    expect(await asked).toBe("gone");
    await turn!.complete("finished all the same");
    expect(await world.bus.events.last(subjects.control(0, "c_gone", turn!.turn))).toBeUndefined();
  });

  it("says after its deadline where the answer will be", async () => {
    const hasty = await world.addEdge({ maxHttpWaitMs: 500 });
    const { status, body } = await ask(hasty, "POST", "/api/v1/chat", {
      body: { message: "slow", conversation_id: "c_slow" },
    });
    expect(status).toBe(504);
    const [turn] = await turnsIn("c_slow");
    expect(body).toMatchObject({ code: "MODEL_TIMEOUT", conversation_id: "c_slow", turn_id: turn!.turn });
  });

  it("answers those who wait when the process shuts down", async () => {
    const leaving = await world.addEdge();
    const asked = ask(leaving, "POST", "/api/v1/chat", { body: { message: "m", conversation_id: "c_leaving" } });
    await turnsIn("c_leaving");
    await eventually(async () => (await leaving.bus.events.last(subjects.eventsOf(0, "c_leaving"))) !== undefined, {
      what: "the message",
    });
    await leaving.stop();
    expect((await asked).body).toMatchObject({ code: "SHUTTING_DOWN", retryable: true });
  });
});

describe("POST /api/chat/message", () => {
  it("takes a message without a token in development, and answers as seed A does", async () => {
    const asked = ask(edge, "POST", "/api/chat/message", {
      user: null,
      body: { message: "list all pods", conversation_id: "c_seed-a" },
    });
    const [turn] = await turnsIn("c_seed-a");
    await turn!.complete("pod-1");
    expect((await asked).body).toEqual({ message: "pod-1", tool_calls: [], conversation_id: "c_seed-a" });
  });

  it("wants a token where development is not", async () => {
    const strict = await world.addEdge({ isDevelopment: false });
    const { status, body } = await ask(strict, "POST", "/api/chat/message", { user: null, body: { message: "x" } });
    expect([status, body.code]).toEqual([401, "AUTH_REQUIRED"]);
  });
});

describe("a request that cannot be served", () => {
  it("is refused without a token, with a bad one, and with one that has expired", async () => {
    const body = { message: "x" };
    const refusal = async (headers: Record<string, string>) =>
      (await ask(edge, "POST", "/api/v1/chat", { user: null, body, headers })).body.code as string;
    const { token: expired } = await tokens.sign({ id: "ann" }, -60_000);
    expect(await refusal({})).toBe("AUTH_REQUIRED");
    expect(await refusal({ authorization: "Bearer nonsense" })).toBe("AUTH_INVALID");
    expect(await refusal({ authorization: "Basic abc" })).toBe("AUTH_INVALID");
    expect(await refusal({ authorization: `Bearer ${expired}` })).toBe("AUTH_EXPIRED");
  });

  it("is told what is wrong with it", async () => {
    const post = async (body: unknown, headers: Record<string, string> = {}) => {
      const { status, body: answer } = await ask(edge, "POST", "/api/v1/chat", { body, headers });
      return [status, answer.code];
    };
    expect(await post("{")).toEqual([400, "INVALID_FRAME"]);
    expect(await post({})).toEqual([400, "INVALID_FRAME"]);
    expect(await post({ message: " " })).toEqual([400, "EMPTY_MESSAGE"]);
    expect(await post({ message: "x", conversation_id: "a.b" })).toEqual([400, "INVALID_FRAME"]);
    expect(await post({ message: "x".repeat(33 * 1024) })).toEqual([413, "MESSAGE_TOO_LARGE"]);
    expect(await post({ message: "x".repeat(65 * 1024) })).toEqual([413, "MESSAGE_TOO_LARGE"]);
    expect(await post({ message: "x" }, { "content-type": "text/plain" })).toEqual([415, "UNSUPPORTED"]);
    expect(await post({ message: "x" }, { "idempotency-key": "k".repeat(129) })).toEqual([400, "INVALID_FRAME"]);
  });

  it("is told which methods there are", async () => {
    const { status, headers, body } = await ask(edge, "GET", "/api/v1/chat");
    expect([status, headers.get("allow"), body.code]).toEqual([405, "POST", "UNSUPPORTED"]);
  });

  it("is refused from pages of other origins, but for allowed ones", async () => {
    const one = await world.addEdge({ isDevelopment: false, allowedOrigins: ["https://chat.example.org"] });
    const preflight = (origin: string) => ask(one, "OPTIONS", "/api/v1/chat", { user: null, headers: { origin } });
    const allowed = await preflight("https://chat.example.org");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://chat.example.org");
    expect(allowed.headers.get("access-control-allow-headers")).toContain("authorization");
    const foreign = await preflight("https://evil.example.org");
    expect(foreign.status).toBe(403);
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
    const asked = await ask(one, "POST", "/api/v1/chat", {
      body: { message: "x" },
      headers: { origin: "https://evil.example.org" },
    });
    expect([asked.status, asked.body.code]).toEqual([403, "FORBIDDEN"]);
    expect(asked.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("is refused in a conversation of somebody else", async () => {
    await world.bus.owners.claim("c_foreign", "bob");
    const body = { message: "x", conversation_id: "c_foreign" };
    const { status, body: answer } = await ask(edge, "POST", "/api/v1/chat", { body });
    expect([status, answer.code]).toEqual([403, "FORBIDDEN"]);
  });
});

describe("POST /api/v1/conversations/:id/cancel", () => {
  it("asks the running turn to stop, and says which that is", async () => {
    const asked = ask(edge, "POST", "/api/v1/chat", { body: { message: "stop me", conversation_id: "c_stop" } });
    const [turn] = await turnsIn("c_stop");
    const cancelled = await ask(edge, "POST", "/api/v1/conversations/c_stop/cancel", { body: {} });
    expect([cancelled.status, cancelled.body]).toEqual([202, { turn_id: turn!.turn }]);
    expect((await world.bus.events.last(subjects.control(0, "c_stop", turn!.turn)))?.event).toMatchObject({
      by: "ann",
    });
    const common = { conversation_id: "c_stop", turn_id: turn!.turn, ts: 1, attempt: 1, n: 0 };
    const ending = { response: "so far", message_id: "x", tool_calls: [], usage, reason: "cancelled by user" };
    await turn!.append({ type: "cancelled", ...common, ...ending });
    const { status, body } = await asked;
    expect([status, body.response, body.metadata.cancelled]).toEqual([200, "so far", true]);
  });

  it("finds nothing to stop where nothing runs, and nothing where there is no conversation", async () => {
    await world.bus.owners.claim("c_idle", "ann");
    const cancel = async (id: string) =>
      (await ask(edge, "POST", `/api/v1/conversations/${id}/cancel`, { body: {} })).status;
    expect(await cancel("c_idle")).toBe(404);
    expect(await cancel("c_nothing")).toBe(404);
    expect(await cancel("c_foreign")).toBe(403);
    expect(await cancel("a.b")).toBe(400);
  });
});
