import { closeCodes } from "@parley/protocol";
import { expect, test } from "vitest";
import { frames, startReady } from "./fixtures.ts";
import { user } from "./scripted-server.ts";

const by = { role: "user", id: user.id };
const asked = {
  type: "message",
  conversation_id: "c1",
  turn_id: "t1",
  ts: 0,
  seq: 1,
  message_id: "t1-u",
  id: "m1",
  author: by,
  message: "helo",
};
const common = { conversation_id: "c1", ts: 0, message_id: "t1-u", by };
const stands = (n: number, more: object = {}) => ({ message_id: "t1-u", n, reactions: [], ...more });
const edited = (seq: number, n: number, message: string) => ({
  type: "message_edited",
  ...common,
  seq,
  message,
  stands: stands(n, { message, edited_at: 1 }),
});
const reacted = (seq: number, n: number, on: boolean) => ({
  type: "reaction",
  ...common,
  seq,
  reaction: "👍",
  on,
  stands: stands(n, { reactions: on ? [{ reaction: "👍", by: [{ id: user.id }] }] : [] }),
});
const pinned = (seq: number, on: boolean) => ({
  type: "pin",
  conversation_id: "c1",
  ts: 0,
  seq,
  n: seq,
  message_id: "t1-u",
  on,
  by,
  pins: on ? ["t1-u"] : [],
});

test("a message is edited when the view shows its new text, and that is asked for again on a new connection", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  const done = chat.edit("t1-u", "hello");
  const frame = await setting.connection.frame("edit");
  expect(frame).toMatchObject({ conversation_id: "c1", message_id: "t1-u", message: "hello" });
  setting.connection.close(closeCodes.goingAway);
  const next = await setting.server.connection();
  await next.welcome();
  expect(await next.frame("edit")).toEqual(frame);
  next.send(frames.subscribed(0), asked, edited(2, 1, "hello"));
  await done;
  await chat.edit("t1-u", "hello");
  expect(next.unread()).toEqual([]);
});

test("what is done while there is no connection is sent when there is one again, once, and of two about the same the later one", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  setting.connection.close(closeCodes.goingAway);
  await expect.poll(() => setting.client.state.name).not.toBe("ready");
  const all = [chat.edit("t1-u", "a"), chat.edit("t1-u", "b"), chat.react("t1-u", "👍"), chat.remove("t2-u")];
  const next = await setting.server.connection();
  await next.welcome();
  expect(await next.frame("edit")).toMatchObject({ message: "b" });
  expect(await next.frame("react")).toMatchObject({ reaction: "👍", on: true });
  await next.frame("delete");
  const gone = { ...common, message_id: "t2-u", stands: { ...stands(1, { deleted_at: 1 }), message_id: "t2-u" } };
  next.send(frames.subscribed(0), edited(2, 1, "b"), reacted(3, 2, true));
  next.send({ type: "message_deleted", seq: 4, ...gone });
  await Promise.all(all);
  expect(next.unread()).toEqual([]);
});

test("a reaction that was taken back before it was seen is not given again", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  const given = chat.react("t1-u", "👍");
  const takenBack = chat.react("t1-u", "👍", false);
  expect(await setting.connection.frame("react")).toMatchObject({ on: true });
  expect(await setting.connection.frame("react")).toMatchObject({ on: false });
  setting.connection.close(closeCodes.goingAway);
  const next = await setting.server.connection();
  await next.welcome();
  expect(await next.frame("react")).toMatchObject({ on: false });
  expect(next.unread()).toEqual([]);
  next.send(frames.subscribed(0), reacted(5, 2, false));
  await Promise.all([given, takenBack]);
});

test("a reaction of somebody else is not one's own", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  let isOver = false;
  const given = chat.react("t1-u", "👍").then(() => (isOver = true));
  await setting.connection.frame("react");
  const others = { ...reacted(2, 1, true), stands: stands(1, { reactions: [{ reaction: "👍", by: [{ id: "u2" }] }] }) };
  setting.connection.send(frames.subscribed(0), others);
  await expect.poll(() => chat.view.seq).toBe(2);
  expect(isOver).toBe(false);
  setting.connection.send(reacted(3, 2, true));
  await given;
});

test("nothing is asked for that the view shows already", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  setting.connection.send(asked);
  await expect.poll(() => chat.view.seq).toBe(1);
  await chat.edit("t1-u", "helo");
  await chat.react("t1-u", "👍", false);
  await chat.pin("t1-u", false);
  expect(setting.connection.unread().filter((type) => type !== "subscribe")).toEqual([]);
});

test("a message is pinned in a conversation of one, too", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  const done = chat.pin("t1-u");
  expect(await setting.connection.frame("pin")).toMatchObject({ message_id: "t1-u", on: true });
  setting.connection.send(frames.subscribed(0), asked, pinned(2, true));
  await done;
  expect(chat.view.room).toMatchObject({ owner: { id: user.id }, member_count: 1, pins: ["t1-u"] });
});

test("what is refused rejects with the server's error", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  const edit = chat.edit("t1-u", "x");
  const { id } = await setting.connection.frame("edit");
  setting.connection.send(frames.error("FORBIDDEN", { conversation_id: "c1", frame: "edit", id }));
  await expect(edit).rejects.toMatchObject({ code: "FORBIDDEN" });
  const removal = chat.remove("t1-u");
  const { id: removalId } = await setting.connection.frame("delete");
  setting.connection.send(frames.error("CONFLICT", { conversation_id: "c1", frame: "delete", id: removalId }));
  await expect(removal).rejects.toMatchObject({ code: "CONFLICT" });
});
