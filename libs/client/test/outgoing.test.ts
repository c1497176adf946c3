import { expect, test } from "vitest";
import { closeCodes } from "@parley/protocol";
import type { OutgoingView } from "@parley/client";
import { frames, leave, startReady, startSetting } from "./fixtures.ts";

const question = (seq: number, id: string, turn_id = "t1") => ({
  ...{ type: "message", seq, conversation_id: "c1", turn_id, ts: 0, message_id: `${turn_id}-u`, id },
  ...{ author: { role: "user", id: "u1" }, message: "hi" },
});
const sending = (id: string) => ({ id, text: "hi", status: "sending" });

async function startSending() {
  const setting = await startReady();
  const conversation = setting.client.conversation("c1");
  const lists: (readonly OutgoingView[])[] = [];
  conversation.on("outgoing", (list) => lists.push(list));
  const sent = conversation.send("hi", { id: "m1" });
  await setting.connection.frame("message");
  const changed = () => new Promise<void>((resolve) => conversation.on("outgoing", () => resolve()));
  return { ...setting, conversation, lists, sent, changed };
}

test("a message is outgoing from the moment it is sent until it is in the view, also after it was accepted", async () => {
  await using setting = await startSending();
  const { conversation, connection, sent, changed } = setting;
  expect(conversation.outgoing()).toEqual([sending("m1")]);
  connection.send(frames.accepted("m1"));
  await sent;
  expect(conversation.outgoing()).toEqual([sending("m1")]);
  const gone = changed();
  connection.send(question(5, "m1"));
  await gone;
  expect(conversation.outgoing()).toEqual([]);
  expect(conversation.view.turns[0]?.message?.id).toBe("m1");
});

test("the list is the same object until it changes, and each change is told", async () => {
  await using setting = await startSending();
  const { conversation, lists } = setting;
  expect(conversation.outgoing()).toBe(conversation.outgoing());
  leave(conversation.send("ho", { id: "m2" }));
  expect(lists.map((list) => list.map(({ id }) => id))).toEqual([["m1"], ["m1", "m2"]]);
  expect(lists.at(-1)).toBe(conversation.outgoing());
});

test("a message whose answer was lost is outgoing no more once the view has it, and is sent again all the same", async () => {
  await using setting = await startSending();
  const { conversation, connection, sent, changed } = setting;
  leave(conversation.subscribe());
  await connection.frame("subscribe");
  const gone = changed();
  connection.send(frames.subscribed(0), question(5, "m1"));
  await gone;
  expect(conversation.outgoing()).toEqual([]);
  connection.close(closeCodes.goingAway);
  const second = await setting.server.connection();
  await second.welcome();
  await second.frame("subscribe");
  second.send(frames.subscribed(5));
  expect(await second.frame("message")).toMatchObject({ id: "m1" });
  second.send(frames.accepted("m1"));
  await sent;
  expect(conversation.outgoing()).toEqual([]);
});

test("a message that waits its turn is not outgoing once the server says that it waits", async () => {
  await using setting = await startSending();
  const { conversation, connection, changed } = setting;
  const gone = changed();
  const waiting = { turn_id: "t1", id: "m1", author: { role: "user", id: "u1" }, text: "hi", position: 1 };
  connection.send(frames.accepted("m1"), { type: "queue", conversation_id: "c1", turns: [waiting] });
  await gone;
  expect(conversation.outgoing()).toEqual([]);
});

test("a message that is older than what a snapshot tells is not outgoing for ever", async () => {
  await using setting = await startSending();
  const { conversation, connection, sent, changed } = setting;
  connection.send(frames.accepted("m1"));
  await sent;
  const gone = changed();
  connection.send({ type: "snapshot", seq: 9, conversation_id: "c1", messages: [], status: "idle", ts: 0 });
  await gone;
  expect(conversation.outgoing()).toEqual([]);
});

test("a message is outgoing no more when its conversation is left before it was accepted: nobody would tell its end", async () => {
  await using setting = await startSending();
  const { conversation, connection, sent } = setting;
  conversation.unsubscribe();
  connection.send(frames.accepted("m1"));
  await sent;
  expect(conversation.outgoing()).toEqual([]);
});

test("a refused message stays with its error until it is discarded", async () => {
  await using setting = await startSending();
  const { conversation, connection, sent, lists } = setting;
  connection.send(frames.error("RATE_LIMITED", { id: "m1", conversation_id: "c1", retryable: true }));
  await expect(sent).rejects.toMatchObject({ code: "RATE_LIMITED" });
  expect(conversation.outgoing()).toMatchObject([{ id: "m1", status: "failed", error: { code: "RATE_LIMITED" } }]);
  conversation.discard("m1");
  expect(conversation.outgoing()).toEqual([]);
  expect(lists.at(-1)).toEqual([]);
});

test("what waits for its answer cannot be discarded or sent a second time by a retry", async () => {
  await using setting = await startSending();
  const { conversation, connection } = setting;
  conversation.discard("m1");
  conversation.retry("m1");
  conversation.retry("unheard of");
  expect(conversation.outgoing()).toEqual([sending("m1")]);
  expect(connection.unread()).toEqual([]);
});

test.each([
  ["under its id, so that it stays one message,", "OVERLOADED", "m1"],
  ["under another id where the first one has another text,", "CONFLICT", expect.stringMatching(/^m_/)],
])("a retry sends a refused message again %s", async (_, code, id) => {
  await using setting = await startSending();
  const { conversation, connection, sent } = setting;
  connection.send(frames.error(code, { id: "m1", conversation_id: "c1" }));
  await expect(sent).rejects.toMatchObject({ code });
  conversation.retry("m1");
  expect(conversation.outgoing()).toEqual([{ id, text: "hi", status: "sending" }]);
  expect(await connection.frame("message")).toMatchObject({ id, message: "hi" });
});

test("the same can be sent again by its caller after it was refused", async () => {
  await using setting = await startSending();
  const { conversation, connection, sent } = setting;
  connection.send(frames.error("OVERLOADED", { id: "m1", conversation_id: "c1" }));
  await expect(sent).rejects.toThrow();
  const again = conversation.send("hi", { id: "m1" });
  await connection.frame("message");
  connection.send(frames.accepted("m1"));
  expect(await again).toMatchObject({ id: "m1" });
});

test("what was refused here, without asking the server, is not lost either; what nobody can have typed is", async () => {
  await using setting = await startSetting();
  const conversation = setting.client.conversation("c1");
  const long = "x".repeat(40 * 1024);
  await expect(conversation.send(long, { id: "m1" })).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
  expect(conversation.outgoing()).toMatchObject([{ id: "m1", text: long, status: "failed" }]);
  await expect(conversation.send("x".repeat(300 * 1024), { id: "m2" })).rejects.toThrow();
  expect(conversation.outgoing().map(({ id }) => id)).toEqual(["m1"]);
});

test("of many failed messages the newest sixteen are kept", async () => {
  await using setting = await startSetting();
  const conversation = setting.client.conversation("c1");
  const long = "x".repeat(40 * 1024);
  for (let i = 0; i < 20; i++) await conversation.send(long, { id: `m${i}` }).catch(() => undefined);
  const ids = conversation.outgoing().map(({ id }) => id);
  expect([ids.length, ids[0], ids.at(-1)]).toEqual([16, "m4", "m19"]);
});

test("a message whose wait its caller gave up is not outgoing", async () => {
  await using setting = await startSetting();
  const conversation = setting.client.conversation("c1");
  const controller = new AbortController();
  const sent = conversation.send("hi", { signal: controller.signal });
  controller.abort(new Error("enough"));
  await expect(sent).rejects.toThrow("enough");
  expect(conversation.outgoing()).toEqual([]);
});

test("what has failed is there again in the next handle of its conversation; what waited is not", async () => {
  await using setting = await startSending();
  const { client, conversation, connection, sent } = setting;
  connection.send(frames.error("OVERLOADED", { id: "m1", conversation_id: "c1" }));
  await expect(sent).rejects.toThrow();
  const waited = conversation.send("ho", { id: "m2" });
  client.release(conversation);
  await expect(waited).rejects.toThrow("The conversation was released.");
  expect(client.conversation("c1").outgoing()).toMatchObject([{ id: "m1", status: "failed" }]);
});

test("of a client that was closed what waited is shown as failed, and cannot be sent", async () => {
  await using setting = await startSetting();
  const conversation = setting.client.conversation("c1");
  leave(conversation.send("hi", { id: "m1" }));
  setting.client.close();
  expect(conversation.outgoing()).toMatchObject([{ id: "m1", status: "failed" }]);
  conversation.retry("m1");
  expect(conversation.outgoing()).toMatchObject([{ id: "m1", status: "failed" }]);
});
