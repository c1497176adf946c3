import { expect, test } from "vitest";
import { closeCodes, limits } from "@parley/protocol";
import { connect, frames, nextState, startReady, startSetting } from "./fixtures.ts";

test("resolves with what the server accepted", async () => {
  await using setting = await startReady();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1", on_busy: "reject", agent: "sales" });
  expect(await setting.connection.frame("message")).toEqual({
    type: "message",
    id: "m1",
    message: "hi",
    conversation_id: "c1",
    agent: "sales",
    on_busy: "reject",
  });
  setting.connection.send(frames.accepted("m1"));
  expect(await sent).toMatchObject({ id: "m1", turn_id: "t1", position: 0 });
});

test("makes ids of its own when none are given, for the message and for the conversation", async () => {
  await using setting = await startReady();
  const [one, two] = [setting.client.conversation(), setting.client.conversation()];
  void one.send("hi").catch(() => undefined);
  void two.send("hi").catch(() => undefined);
  const [first, second] = [await setting.connection.frame("message"), await setting.connection.frame("message")];
  expect(first.id).toMatch(/^m_\d+_\d+_\d+_\d+$/);
  expect(first.conversation_id).toMatch(/^c_\d+_\d+_\d+_\d+$/);
  expect([first.conversation_id, second.conversation_id]).toEqual([one.id, two.id]);
  expect(new Set([first.id, second.id, one.id, two.id]).size).toBe(4);
});

test("sends a message under its one id on every new connection until it is accepted", async () => {
  await using setting = await startReady();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1" });
  let connection = setting.connection;
  for (let i = 0; i < 3; i++) {
    expect(await connection.frame("message")).toMatchObject({ id: "m1", message: "hi", conversation_id: "c1" });
    connection.close(closeCodes.goingAway);
    connection = await setting.server.connection();
    await connection.welcome();
  }
  await connection.frame("message");
  connection.send(frames.accepted("m1"));
  expect(await sent).toMatchObject({ id: "m1" });
  const ready = nextState(setting.client, "ready");
  connection.close(closeCodes.goingAway);
  const last = await setting.server.connection();
  await last.welcome();
  await ready;
  await last.frame("subscribe");
  expect(last.unread()).toEqual([]);
});

test("keeps a message that was sent before the client was ready", async () => {
  await using setting = await startSetting();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1" });
  const connection = await connect(setting);
  await connection.frame("message");
  connection.send(frames.accepted("m1"));
  await sent;
});

test("keeps messages in their order", async () => {
  await using setting = await startSetting();
  const conversation = setting.client.conversation("c1");
  for (const id of ["m1", "m2", "m3"]) void conversation.send(id, { id }).catch(() => undefined);
  const connection = await connect(setting);
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push((await connection.frame("message")).id);
  expect(ids).toEqual(["m1", "m2", "m3"]);
});

test("rejects with the server's error, also when it names only the message", async () => {
  await using setting = await startReady();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1" });
  await setting.connection.frame("message");
  setting.connection.send(frames.error("RATE_LIMITED", { id: "m1", retry_after_ms: 900 }));
  await expect(sent).rejects.toMatchObject({ code: "RATE_LIMITED", message: "No.", retryAfterMs: 900 });
});

test("rejects with an error code of a newer server as it is, with its sentence", async () => {
  await using setting = await startReady();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1" });
  await setting.connection.frame("message");
  setting.connection.send(frames.error("MOON_PHASE", { id: "m1" }));
  await expect(sent).rejects.toMatchObject({ code: "MOON_PHASE", message: "No." });
});

test("does not take the error of a server that goes away for an answer", async () => {
  await using setting = await startReady();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1" });
  await setting.connection.frame("message");
  setting.connection.send(frames.error("SHUTTING_DOWN", { id: "m1", retryable: true }));
  setting.connection.close(closeCodes.goingAway);
  const second = await setting.server.connection();
  await second.welcome();
  await second.frame("message");
  second.send(frames.accepted("m1"));
  expect(await sent).toMatchObject({ id: "m1" });
});

test.each([
  ["a message", "x".repeat(limits.messageBytes + 1), {}],
  ["a message of wide characters", "漢".repeat(limits.messageBytes / 2), {}],
  ["a frame", "hi", { metadata: { note: "漢".repeat(limits.clientFrameBytes / 2) } }],
])("refuses %s above the limit, which would cost the connection", async (_, message, options) => {
  await using setting = await startReady();
  await expect(setting.client.conversation("c1").send(message, options)).rejects.toMatchObject({
    code: "MESSAGE_TOO_LARGE",
  });
  expect(setting.client.state.name).toBe("ready");
});

test("refuses more waiting messages than a conversation may queue", async () => {
  await using setting = await startSetting();
  const conversation = setting.client.conversation("c1");
  for (let i = 0; i < limits.turnsPerConversation; i++) void conversation.send("hi").catch(() => undefined);
  await expect(conversation.send("hi")).rejects.toMatchObject({ code: "QUEUE_FULL" });
});

test("takes the longest text, whatever of it JSON escapes", async () => {
  await using setting = await startReady();
  const text = "\u0000".repeat(limits.messageBytes);
  const sent = setting.client.conversation("c1").send(text, { id: "m1" });
  expect(await setting.connection.frame("message")).toMatchObject({ message: text });
  setting.connection.send(frames.accepted("m1"));
  await sent;
});

test("refuses another text under an id that waits for its answer", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const first = conversation.send("hi", { id: "m1" });
  await expect(conversation.send("ho", { id: "m1" })).rejects.toMatchObject({ code: "CONFLICT", retryable: false });
  setting.connection.send(frames.accepted("m1"));
  expect(await first).toMatchObject({ id: "m1" });
});

test("is one message when sent twice under one id", async () => {
  await using setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const twice = [conversation.send("hi", { id: "m1" }), conversation.send("hi", { id: "m1" })];
  await setting.connection.frame("message");
  setting.connection.send(frames.accepted("m1"));
  const [first, second] = await Promise.all(twice);
  expect(first).toEqual(second);
  expect(setting.connection.unread()).toEqual([]);
});

test("gives up a message that is never answered, after many connections", async () => {
  await using setting = await startReady();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1" });
  const refused = expect(sent).rejects.toThrow("The message was never answered.");
  let connection = setting.connection;
  for (let tries = 1; tries <= 20; tries++) {
    await connection.frame("message");
    connection.close(closeCodes.goingAway);
    connection = await setting.server.connection();
    await connection.welcome();
  }
  await refused;
});

test("ends the wait when the caller's signal says so", async () => {
  await using setting = await startReady();
  const controller = new AbortController();
  const sent = setting.client.conversation("c1").send("hi", { id: "m1", signal: controller.signal });
  controller.abort(new Error("changed my mind"));
  await expect(sent).rejects.toThrow("changed my mind");
});

test("rejects what still waits when it is closed, and everything after that", async () => {
  await using setting = await startSetting();
  const conversation = setting.client.conversation("c1");
  const waiting = [conversation.send("hi"), conversation.subscribe(), conversation.untilEnd("t1")];
  setting.client.close();
  for (const promise of waiting) await expect(promise).rejects.toThrow("The client is closed: closed by the caller.");
  await expect(conversation.send("hi")).rejects.toThrow("The client is closed");
  await expect(setting.client.conversation("c2").subscribe()).rejects.toThrow("The client is closed");
});
