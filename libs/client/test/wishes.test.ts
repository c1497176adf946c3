import { queue } from "@parley/client/queue";
import { closeCodes } from "@parley/protocol";
import { expect, test } from "vitest";
import { frames, startReady } from "./fixtures.ts";

const title = (seq: number, text: string) => ({
  type: "title",
  conversation_id: "c1",
  seq,
  ts: 0,
  n: seq,
  title: text,
});
const message = (seq: number, text: string, changed?: number) => ({
  type: "message",
  conversation_id: "c1",
  turn_id: "t1",
  ts: 0,
  seq,
  message_id: "t1-u",
  id: "m1",
  author: { role: "user" },
  message: text,
  ...(changed === undefined ? {} : { changed }),
});

test("a title is there when the view has it, and is asked for again on a new connection until then", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  const given = chat.setTitle(" A  title ");
  const asked = await setting.connection.frame("title");
  expect(asked).toMatchObject({ conversation_id: "c1", title: "A title" });
  setting.connection.close(closeCodes.goingAway);
  const next = await setting.server.connection();
  await next.welcome();
  expect(await next.frame("title")).toEqual(asked);
  next.send(title(1, "A title"));
  await given;
  expect(chat.view.title).toBe("A title");
  await chat.setTitle("A title");
  expect(next.unread()).toEqual([]);
});

test("what is refused rejects, each by its own error", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  const [named, changed] = [chat.setTitle("x"), chat.changeQueued("t1", "new")];
  const { id: titleId } = await setting.connection.frame("title");
  const { id: changeId } = await setting.connection.frame("queue");
  const address = { conversation_id: "c1" };
  setting.connection.send(frames.error("CONFLICT", { ...address, frame: "queue", id: changeId }));
  await expect(changed).rejects.toMatchObject({ code: "CONFLICT" });
  setting.connection.send(frames.error("NOT_FOUND", { ...address, frame: "title", id: titleId }));
  await expect(named).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a waiting message is changed when its new text has come, and taken back when its turn has ended", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  const changed = chat.changeQueued("t1", "new");
  expect(await setting.connection.frame("queue")).toMatchObject({ turn_id: "t1", message: "new" });
  const waits = { turn_id: "t1", id: "m1", author: { role: "user" }, text: "old", position: 1 };
  setting.connection.send({ type: "queue", conversation_id: "c1", turns: [waits] }, message(1, "old"));
  setting.connection.send(message(2, "new", 1));
  await changed;
  expect(queue(chat.view)).toMatchObject([{ turn_id: "t1", position: 1, message: { parts: [{ text: "new" }] } }]);
  const back = chat.takeBack("t1");
  expect(await setting.connection.frame("queue")).toMatchObject({ turn_id: "t1", remove: true });
  const { metadata: _, ...end } = frames.complete(3, 1, "");
  setting.connection.send({ ...end, type: "cancelled", reason: "taken back" });
  setting.connection.send({ type: "queue", conversation_id: "c1", turns: [] });
  await back;
  await expect.poll(() => queue(chat.view)).toEqual([]);
});

test("what was answered meanwhile is not taken back: the server's word counts", async () => {
  await using setting = await startReady();
  const back = setting.client.conversation("c1").takeBack("t1");
  const { id } = await setting.connection.frame("queue");
  setting.connection.send(message(1, "old"), frames.complete(2, 1, "so it is"));
  setting.connection.send(frames.error("CONFLICT", { conversation_id: "c1", frame: "queue", id }));
  await expect(back).rejects.toMatchObject({ code: "CONFLICT" });
});

test("half a character is asked for as the server keeps it", async () => {
  await using setting = await startReady();
  const chat = setting.client.conversation("c1");
  const wishes = [chat.setTitle("half \ud83d"), chat.changeQueued("t1", "half \ud83d")];
  for (const type of ["title", "queue"] as const) await setting.connection.frame(type);
  setting.connection.send(title(1, "half \ufffd"), message(2, "half \ufffd", 1));
  await Promise.all(wishes);
});

test("nothing is waited for when the client is closed", async () => {
  await using setting = await startReady();
  const given = setting.client.conversation("c1").setTitle("x");
  setting.client.close();
  await expect(given).rejects.toThrow();
});
