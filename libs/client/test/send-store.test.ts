import { expect, test } from "vitest";
import { closeCodes, limits } from "@parley/protocol";
import type { SendStore } from "@parley/client";
import { connect, frames, leave, nextState, startSetting, type Setting } from "./fixtures.ts";
import type { ServerConnection } from "./scripted-server.ts";
import { memoryStore } from "./surroundings.ts";

const dayMs = 24 * 60 * 60_000;

/** A page that has the store, at a server that knows it as this user. */
async function startPage(store: SendStore, userId = "u1", wallNow = () => 1_000) {
  const setting = await startSetting({ store, wallNow });
  return { ...setting, connection: await signIn(setting, userId) };
}

async function signIn({ client, server }: Setting, userId: string): Promise<ServerConnection> {
  const ready = client.state.name === "idle" ? client.connect() : nextState(client, "ready");
  const connection = await server.connection();
  await connection.frame("auth");
  connection.send({ type: "auth_success", message: "", user: { id: userId }, expires_at: 0 });
  await ready;
  return connection;
}

/** A page that was closed before its message was answered. */
async function leaveUnanswered(store: SendStore, userId?: string, wallNow?: () => number): Promise<void> {
  await using page = await startPage(store, userId, wallNow);
  leave(page.client.conversation("c1").send("hi", { id: "m1", agent: "sales" }));
  await page.connection.frame("message");
}

test("a message that had no answer is sent by the next page, whole and under its id, and then forgotten", async () => {
  const kept = memoryStore();
  await leaveUnanswered(kept.store);
  expect(kept.ids()).toEqual(["m1"]);
  await using page = await startPage(kept.store);
  const told = { type: "message", id: "m1", message: "hi", conversation_id: "c1", agent: "sales" };
  expect(await page.connection.frame("message")).toMatchObject(told);
  expect(page.client.conversation("c1").outgoing()).toEqual([{ id: "m1", text: "hi", status: "sending" }]);
  page.connection.send(frames.accepted("m1"));
  await expect.poll(kept.ids).toEqual([]);
});

test("messages of an earlier page are sent in the order in which they were written, before what is written now", async () => {
  const kept = memoryStore();
  let time = 5;
  {
    await using page = await startSetting({ store: kept.store, wallNow: () => time });
    await signIn(page, "u1");
    leave(page.client.conversation("c2").send("b", { id: "m2" }));
    time = 3;
    leave(page.client.conversation("c1").send("a", { id: "m1" }));
  }
  await using page = await startPage(kept.store);
  const ids = [(await page.connection.frame("message")).id, (await page.connection.frame("message")).id];
  expect(ids).toEqual(["m1", "m2"]);
});

test("a conversation that only its message has called for is left once that is answered", async () => {
  const kept = memoryStore();
  await leaveUnanswered(kept.store);
  await using page = await startPage(kept.store);
  await page.connection.frame("message");
  page.connection.send(frames.accepted("m1"));
  expect(await page.connection.frame("unsubscribe")).toMatchObject({ conversation_id: "c1" });
});

test("a message is never sent as somebody else, and waits for its author", async () => {
  const kept = memoryStore();
  await leaveUnanswered(kept.store, "anna");
  {
    await using page = await startPage(kept.store, "bert");
    expect(page.client.conversation("c1").outgoing()).toEqual([]);
    leave(page.client.conversation("c1").send("mine", { id: "m2" }));
    expect(await page.connection.frame("message")).toMatchObject({ id: "m2" });
    expect(page.connection.unread()).toEqual([]);
  }
  await using page = await startPage(kept.store, "anna");
  expect(await page.connection.frame("message")).toMatchObject({ id: "m1" });
  expect(page.connection.unread()).toEqual([]);
});

test("a client whose next token is somebody else's sends and shows nothing of the one before, until that one is back", async () => {
  await using setting = await startSetting({ getToken: () => "any" });
  const conversation = setting.client.conversation("c1");
  const first = await signIn(setting, "anna");
  leave(conversation.subscribe());
  await first.frame("subscribe");
  first.send(frames.subscribed(0), frames.token(3, 1, "secret"));
  const sent = conversation.send("hi", { id: "m1" });
  const titled = conversation.setTitle("mine");
  const refusals = [expect(sent).rejects.toMatchObject({ code: "FORBIDDEN" }), expect(titled).rejects.toThrow("else")];
  first.close(closeCodes.tokenExpired);
  const second = await signIn(setting, "bert");
  await Promise.all(refusals);
  expect([conversation.outgoing(), conversation.view.turns]).toEqual([[], []]);
  expect(second.unread()).toEqual([]);
  second.close(closeCodes.tokenExpired);
  const third = await signIn(setting, "anna");
  expect(await third.frame("message")).toMatchObject({ id: "m1" });
});

test("what was written before the server has said who writes belongs to whom it names first", async () => {
  const kept = memoryStore();
  await using setting = await startSetting({ store: kept.store });
  leave(setting.client.conversation("c1").send("hi", { id: "m1" }));
  expect(kept.ids()).toEqual([]);
  await (await signIn(setting, "anna")).frame("message");
  await expect.poll(() => kept.messages()).toMatchObject([{ user_id: "anna", frame: { id: "m1" } }]);
});

test("two pages that both send a message forget it both, whichever gets the answer", async () => {
  const kept = memoryStore();
  await leaveUnanswered(kept.store);
  await using one = await startPage(kept.store);
  await using other = await startPage(kept.store);
  await Promise.all([one.connection.frame("message"), other.connection.frame("message")]);
  one.connection.send(frames.accepted("m1"));
  await expect.poll(kept.ids).toEqual([]);
  other.connection.send(frames.accepted("m1"));
  await other.connection.frame("unsubscribe");
  await using next = await startPage(kept.store);
  expect(next.connection.unread()).toEqual([]);
});

test("a refused message is there again after a reload, as refused, and is not sent unless somebody wants that", async () => {
  const kept = memoryStore();
  {
    await using page = await startPage(kept.store);
    const sent = page.client.conversation("c1").send("hi", { id: "m1" });
    await page.connection.frame("message");
    page.connection.send(frames.error("QUOTA_EXCEEDED", { id: "m1" }));
    await expect(sent).rejects.toThrow();
  }
  await using page = await startPage(kept.store);
  const conversation = page.client.conversation("c1");
  expect(conversation.outgoing()).toMatchObject([{ id: "m1", status: "failed", error: { code: "QUOTA_EXCEEDED" } }]);
  expect(page.connection.unread()).toEqual([]);
  conversation.retry("m1");
  await page.connection.frame("message");
  page.connection.send(frames.accepted("m1"));
  await expect.poll(kept.ids).toEqual([]);
});

test("a discarded message does not come back", async () => {
  const kept = memoryStore();
  {
    await using page = await startPage(kept.store);
    const conversation = page.client.conversation("c1");
    await conversation.send("x".repeat(40 * 1024), { id: "m1" }).catch(() => undefined);
    await expect.poll(kept.ids).toEqual(["m1"]);
    conversation.discard("m1");
  }
  await expect.poll(kept.ids).toEqual([]);
});

test("a message is sent again for as long as the server knows its id, and offered as failed after that", async () => {
  const kept = memoryStore();
  await leaveUnanswered(kept.store, "u1", () => 0);
  {
    await using page = await startPage(kept.store, "u1", () => limits.factKeepMs);
    await page.connection.frame("message");
  }
  await using page = await startPage(kept.store, "u1", () => 8 * dayMs + 1);
  const [message] = page.client.conversation("c1").outgoing();
  expect(message).toMatchObject({
    status: "failed",
    error: { message: "The message could not be sent for eight days." },
  });
  expect(page.connection.unread()).toEqual([]);
});

test.each([
  ["of messages", { messages: 2 }, "Too many messages wait."],
  ["of bytes", { bytes: 4 }, "Too many messages wait."],
])("the queue of all conversations has a limit %s", async (_, sendQueue, message) => {
  await using setting = await startSetting({ sendQueue });
  leave(setting.client.conversation("c1").send("hi"));
  const second = setting.client.conversation("c2").send("hi", { id: "m2" });
  const third = setting.client.conversation("c3");
  await expect(third.send("h")).rejects.toMatchObject({ code: "QUEUE_FULL", message });
  const connection = await connect(setting);
  connection.send({ ...frames.accepted("m2"), conversation_id: "c2" });
  await second;
  leave(third.send("h", { id: "m3" }));
  expect(third.outgoing().at(-1)).toMatchObject({ id: "m3", status: "sending" });
});

test("a page sends no more of what earlier ones have left than may wait; the rest is shown as failed, and is not lost", async () => {
  const kept = memoryStore();
  const ids = Array.from({ length: 30 }, (_, i) => `m${i}`);
  for (const [at, id] of ids.entries()) {
    const frame = { type: "message", id, message: "hi", conversation_id: "c1" } as const;
    await kept.store.save({ user_id: "u1", conversation_id: "c1", kept_at: at, frame });
  }
  await using page = await startPage(kept.store);
  const chat = page.client.conversation("c1");
  for (const id of ids.slice(0, 8)) expect(await page.connection.frame("message")).toMatchObject({ id });
  expect(chat.outgoing().map(({ id }) => id)).toEqual(ids);
  const failed = chat.outgoing().filter(({ status }) => status === "failed");
  expect(failed.map(({ id }) => id)).toEqual(ids.slice(8));
  expect(failed[0]).toMatchObject({ error: { code: "QUEUE_FULL", retryable: true } });
  expect(page.connection.unread()).toEqual([]);
  expect(kept.ids()).toHaveLength(30);
  page.connection.send(frames.accepted("m0"));
  chat.discard("m29");
  await expect.poll(() => kept.ids().length).toBe(28);
  chat.retry("m8");
  expect(await page.connection.frame("message")).toMatchObject({ id: "m8" });
});

test.each<[string, Partial<SendStore>]>([
  ["cannot be read", { load: () => Promise.reject(new Error("no")) }],
  [
    "cannot be written",
    { save: () => Promise.reject(new Error("full")), remove: () => Promise.reject(new Error("no")) },
  ],
  ["never answers", { load: () => new Promise<never>(() => undefined) }],
])("a store that %s keeps nobody from sending", async (_, broken) => {
  await using page = await startPage({ ...memoryStore().store, ...broken });
  const sent = page.client.conversation("c1").send("hi", { id: "m1" });
  await page.connection.frame("message");
  page.connection.send(frames.accepted("m1"));
  expect(await sent).toMatchObject({ id: "m1" });
});

test("a store that is slower than the server is heeded when it has answered", async () => {
  const kept = memoryStore();
  await leaveUnanswered(kept.store);
  let answer = (): void => undefined;
  const asked = new Promise<void>((resolve) => (answer = resolve));
  await using page = await startPage({ ...kept.store, load: () => asked.then(kept.store.load) });
  expect(page.connection.unread()).toEqual([]);
  answer();
  expect(await page.connection.frame("message")).toMatchObject({ id: "m1" });
});
