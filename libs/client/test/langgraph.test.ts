import { createLangGraphAdapter } from "@parley/client/langgraph";
import { closeCodes } from "@parley/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { frames, leave, startReady, startSetting } from "./fixtures.ts";

const common = { conversation_id: "c1", turn_id: "t1", ts: 0 };
const chained = (seq: number, attempt = 1) => ({ seq, ...common, attempt, n: seq });
const message = {
  type: "message",
  seq: 1,
  ...common,
  message_id: "t1-u",
  id: "m1",
  author: { role: "user" },
  message: "hi",
};
const call = { call_id: "t1-0-0", tool_name: "change", arguments: { to: 42 } };
const question = { ...common, ...call, summary: "Changes it.", expires_at: 9_000 };
const all = ["values", "messages", "tools", "lifecycle", "input", "custom"] as const;

type Adapter = ReturnType<typeof createLangGraphAdapter>;
type Filter = Parameters<Adapter["openEventStream"]>[0];

/** An adapter over a scripted server, and what a stream of it has brought so far. */
async function startThread() {
  const setting = await startReady();
  const adapter = createLangGraphAdapter({ client: setting.client, threadId: "c1" });
  leave(adapter.openEventStream({ channels: all }).ready);
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.subscribed(0));
  let ping = 0;
  /** When all frames before it have been heard. */
  const heard = async (...list: readonly object[]): Promise<void> => {
    const ts = ++ping;
    const pong = new Promise<void>((resolve) =>
      setting.client.on("frame", (frame) => void (frame.type === "pong" && frame.ts === ts && resolve())),
    );
    setting.connection.send(...list, { type: "pong", ts });
    await pong;
  };
  return {
    ...setting,
    adapter,
    heard,
    events: (filter: Partial<Filter> = {}) => keptBy(adapter, { channels: all, ...filter }),
  };
}

/** What a stream that is opened now brings at once, in short. */
async function keptBy(adapter: Adapter, filter: Filter): Promise<string[]> {
  const { events, close } = adapter.openEventStream(filter);
  const short: string[] = [];
  const reading = (async () => {
    for await (const { method, params, seq } of events) short.push(`${seq} ${method} ${inShort(params.data)}`);
  })();
  await new Promise((resolve) => setImmediate(resolve));
  close();
  await reading;
  return short;
}

function inShort(data: object): string {
  const { event = "", ...more }: { event?: unknown; [name: string]: unknown } = { ...data };
  if (Array.isArray(more["messages"])) return more["messages"].map((one: object) => Reflect.get(one, "type")).join(" ");
  const id = ["id", "tool_call_id", "interrupt_id", "interrupt_ids", "name", "error"]
    .map((name) => more[name])
    .find(Boolean);
  const delta: unknown = more["delta"];
  const text = typeof delta === "object" && delta !== null ? Object.values(delta).at(-1) : undefined;
  return [event, id, text].filter((word) => word !== undefined && word !== "").join(" ");
}

test("a run is told from its start to its end, with Parley's cursors, and once more to each stream that is opened", async () => {
  await using thread = await startThread();
  await thread.heard(message, frames.token(2, 2, "Hel"), frames.token(3, 3, "lo"), frames.complete(4, 4, "Hello"));
  const events = await thread.events();
  expect(events).toEqual([
    "2 lifecycle started",
    "2 messages message-start t1-a",
    "2 messages content-block-start",
    "2 messages content-block-delta Hel",
    "3 messages content-block-delta lo",
    "4 messages content-block-finish",
    "4 messages message-finish",
    "4 values human ai",
    "4 lifecycle completed",
  ]);
  expect(await thread.events()).toEqual(events);
  expect(await thread.events({ since: 3, channels: ["messages"] })).toEqual(events.slice(5, 7));
  expect(await thread.events({ namespaces: [["worker"]] })).toEqual([]);
});

test("an answer that another worker begins anew is another message of the stream, and the state has only that one", async () => {
  await using thread = await startThread();
  const restarted = { type: "turn_restarted", ...chained(4, 2), text: "He" };
  await thread.heard(message, frames.token(2, 2, "Hel"), restarted, frames.token(5, 5, "y", 2));
  expect(await thread.events({ channels: ["messages"] })).toEqual([
    "2 messages message-start t1-a",
    "2 messages content-block-start",
    "2 messages content-block-delta Hel",
    "4 messages error",
    "4 messages message-start t1-a~1",
    "4 messages content-block-start",
    "4 messages content-block-delta He",
    "5 messages content-block-delta y",
  ]);
  await thread.heard({ ...frames.complete(6, 6, "Hey"), attempt: 2 });
  leave(thread.adapter.getState());
  const { result } = { result: {}, ...(await thread.adapter.send({ id: 1, method: "state.get", params: {} })) };
  expect(result).toMatchObject({ values: { messages: [{ type: "human" }, { id: "t1-a~1", content: "Hey" }] } });
});

test("what a lost connection has kept from it comes by a snapshot, without a repetition", async () => {
  await using thread = await startThread();
  await thread.heard(message, frames.token(2, 2, "Hel"), frames.snapshot(9, "Hello wor"), frames.token(10, 10, "ld"));
  const texts = (await thread.events({ channels: ["messages"] })).slice(2);
  expect(texts).toEqual([
    "2 messages content-block-delta Hel",
    "9 messages content-block-delta lo wor",
    "10 messages content-block-delta ld",
  ]);
});

test("a call that waits for a person is an interrupt until somebody decides, wherever they do", async () => {
  await using thread = await startThread();
  await thread.heard(
    message,
    { type: "tool_call_start", ...chained(2), ...call },
    { type: "approval_required", seq: 3, ...question },
    { type: "waiting", ...chained(4) },
  );
  const asked = ["4 input.requested t1-0-0", "4 lifecycle interrupted"];
  expect((await thread.events({ channels: ["lifecycle", "input"] })).slice(-2)).toEqual(asked);
  expect(await thread.events({ channels: ["tools"] })).toEqual(["2 tools tool-started t1-0-0"]);
  await thread.heard(
    { type: "approval_decided", seq: 5, ...common, call_id: call.call_id, approved: false },
    {
      type: "tool_call_end",
      seq: 6,
      ...common,
      ...call,
      status: "denied",
      result: "No.",
      duration_ms: 0,
      truncated: false,
    },
  );
  expect((await thread.events({ channels: ["lifecycle", "input", "tools"] })).slice(-3)).toEqual([
    "5 lifecycle running",
    "5 input.answered t1-0-0",
    "6 tools tool-error t1-0-0",
  ]);
});

test("a run of a conversation that is deleted ends as failed", async () => {
  await using thread = await startThread();
  await thread.heard(message, frames.token(2, 2, "Hel"));
  await thread.heard(frames.error("NOT_FOUND", { frame: "delete", conversation_id: "c1" }));
  expect((await thread.events()).at(-1)).toBe("2 lifecycle failed The conversation was deleted.");
});

test("of runs that have ended only the last is kept for streams to come", async () => {
  await using thread = await startThread();
  const run = (turn_id: string, seq: number) => [
    { ...frames.token(seq, 1, "a"), turn_id },
    { ...frames.complete(seq + 1, 2, "a"), turn_id, message_id: `${turn_id}-a` },
  ];
  await thread.heard(...run("t1", 1), ...run("t2", 3), ...run("t3", 5));
  const starts = (await thread.events()).filter((one) => one.includes("message-start"));
  expect(starts).toEqual(["3 messages message-start t2-a", "5 messages message-start t3-a"]);
});

test("however an answer comes, its messages say what it says", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.boolean(), fc.string({ minLength: 1, maxLength: 4 })), { maxLength: 12 }),
      async (pieces) => {
        await using thread = await startThread();
        const sent = pieces.map(([isThought, token], at) => ({
          ...chained(at + 2),
          type: isThought ? "reasoning" : "token",
          token,
        }));
        await thread.heard(message, ...sent);
        const said = { text: "", reasoning: "" };
        const { events, close } = thread.adapter.openEventStream({ channels: ["messages"] });
        setImmediate(close);
        for await (const { params } of events) {
          if (!("delta" in params.data)) continue;
          const { delta } = params.data;
          if (delta.type === "text-delta") said.text += delta.text;
          else said.reasoning += delta.reasoning;
        }
        const saidBy = (isThought: boolean) =>
          pieces.flatMap(([kind, text]) => (kind === isThought ? [text] : [])).join("");
        expect(said).toEqual({ text: saidBy(false), reasoning: saidBy(true) });
      },
    ),
    { numRuns: 20 },
  );
});

test.each([
  [
    "run.start",
    { input: { messages: [{ type: "human", content: "hi" }] }, multitask_strategy: "rollback" },
    "not_supported",
  ],
  [
    "run.start",
    { input: { messages: [{ type: "human", content: "hi" }] }, config: { configurable: { checkpoint_id: "x" } } },
    "not_supported",
  ],
  ["run.start", { input: null }, "invalid_argument"],
  ["input.respond", { namespace: [], interrupt_id: "t9-0-0", response: true }, "no_such_interrupt"],
  ["state.fork", {}, "not_supported"],
  ["agent.getTree", undefined, undefined],
  ["thread.paint", {}, "unknown_command"],
])("the command %s is answered, also where Parley has no such thing", async (method, params, error) => {
  await using setting = await startReady();
  const adapter = createLangGraphAdapter({ client: setting.client, threadId: "c1" });
  expect(await adapter.send({ id: 7, method, params })).toMatchObject(
    error === undefined ? { id: 7, type: "success" } : { id: 7, error },
  );
});

test("who may not look is told so by the stream and by the state", async () => {
  await using setting = await startReady();
  const adapter = createLangGraphAdapter({ client: setting.client, threadId: "c1" });
  const [ready, state] = [adapter.openEventStream({ channels: all }).ready, adapter.getState()];
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.error("FORBIDDEN", { frame: "subscribe", conversation_id: "c1" }));
  await expect(ready).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(state).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("a thread without a message has no state; one that is there has what its snapshot says", async () => {
  await using setting = await startReady();
  const adapter = createLangGraphAdapter({ client: setting.client, threadId: "c1" });
  const none = adapter.getState();
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.subscribed(0));
  expect(await none).toBeNull();
  await adapter.close();
  const other = createLangGraphAdapter({ client: setting.client, threadId: "c2" });
  const some = other.getState();
  await setting.connection.frame("subscribe");
  const stored = {
    message_id: "t1-a",
    turn_id: "t1",
    author: { role: "assistant" },
    message: "Hello",
    status: "complete",
    ts: 0,
  };
  setting.connection.send(
    { ...frames.subscribed(0, "c2"), mode: "snapshot" },
    { ...frames.snapshot(9, "Hel"), conversation_id: "c2", turn_id: "t2", messages: [stored] },
  );
  // The answer that goes on is not final.
  expect(await some).toMatchObject({
    values: { messages: [{ type: "ai", id: "t1-a", content: "Hello" }] },
    next: ["t2"],
  });
});

test("what one user was told is not told to the next", async () => {
  let user = "u1";
  await using setting = await startSetting({ getToken: () => user });
  const signIn = async () => {
    const connection = await setting.server.connection();
    await connection.frame("auth");
    connection.send({ type: "auth_success", message: "", user: { id: user }, expires_at: 0 });
    return connection;
  };
  const [connection] = await Promise.all([signIn(), setting.client.connect()]);
  const adapter = createLangGraphAdapter({ client: setting.client, threadId: "c1" });
  const { events } = adapter.openEventStream({ channels: all });
  await connection.frame("subscribe");
  connection.send(frames.subscribed(0), message, frames.token(2, 2, "secret"));
  const told: unknown[] = [];
  const reading = (async () => {
    for await (const event of events) told.push(event);
  })();
  await expect.poll(() => setting.client.conversation("c1").view.seq).toBe(2);
  user = "u2";
  connection.close(closeCodes.goingAway);
  await signIn();
  await reading;
  expect(JSON.stringify(told)).toContain("secret");
  expect(await keptBy(adapter, { channels: all })).toEqual([]);
});

test("an adapter without a thread says so, and follows the one that it is given", async () => {
  await using setting = await startReady();
  const adapter = createLangGraphAdapter({ client: setting.client });
  await expect(adapter.open()).rejects.toThrow("The adapter has no thread: pass threadId, or call setThreadId.");
  adapter.setThreadId("c1");
  const input = { messages: [{ role: "user", id: "m1", content: [{ type: "text", text: "hi" }] }] };
  const started = adapter.send({
    id: 1,
    method: "run.start",
    params: { assistant_id: "sales", input, multitaskStrategy: "reject" },
  });
  expect(await setting.connection.frame("message")).toMatchObject({
    ...{ id: "m1", conversation_id: "c1", message: "hi", agent: "sales", on_busy: "reject" },
  });
  const { events, close } = adapter.openEventStream({ channels: ["values"] });
  // All at once: the answer to a message, and what follows. Whoever sent it knows it by the id that it was sent under.
  setting.connection.send(frames.accepted("m1"), message);
  for await (const { params } of events) {
    expect(params.data).toMatchObject({ messages: [{ type: "human", id: "m1", content: "hi" }] });
    close();
  }
  expect(await started).toEqual({ type: "success", id: 1, result: { run_id: "t1" } });
  await adapter.close();
});

test("the words of a person who answers in place of the agent are an answer, with their name", async () => {
  const { heard, adapter } = await startThread();
  const author = { role: "operator", id: "olga", name: "Olga" };
  await heard({ ...message, author, message: "Olga here." });
  expect((await adapter.getState())?.values.messages).toEqual([
    { type: "ai", id: "t1-u", content: "Olga here.", tool_calls: [], name: "Olga" },
  ]);
});
