import { closeCodes } from "@parley/protocol";
import { expect, test } from "vitest";
import { frames, startReady } from "./fixtures.ts";

const room = (member_count: number) => ({
  n: 1,
  owner: { id: "u1" },
  members: [{ id: "u1", role: "owner", since: 0 }],
  member_count,
  answers: "mention",
  agents: [],
  pins: [],
});
const whole = (seq: number, member_count: number) => {
  const { turn_id: _, ...snapshot } = frames.snapshot(seq, "");
  return { ...snapshot, status: "idle", messages: [], room: room(member_count) };
};

/** A conversation that its server has shown. */
async function startInRoom(members: number) {
  let nowMs = 0;
  const setting = await startReady({ now: () => nowMs });
  const chat = setting.client.conversation("c1");
  const asked = chat.subscribe();
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.subscribed(0), whole(7, members));
  await asked;
  await expect.poll(() => chat.view.seq).toBe(7);
  return {
    ...setting,
    chat,
    pass: (ms: number) => void (nowMs += ms),
    [Symbol.asyncDispose]: () => setting[Symbol.asyncDispose](),
  };
}

/** What has been sent until now: the server answers in order. */
async function untilNow({ connection, chat }: Awaited<ReturnType<typeof startInRoom>>): Promise<string[]> {
  void chat.setTitle("x").catch(() => undefined);
  const before: string[] = [];
  await expect.poll(() => connection.unread().includes("title")).toBe(true);
  before.push(...connection.unread());
  await connection.frame("title");
  return before.slice(0, -1);
}

test("that somebody writes is said at most every three seconds, and its end once", async () => {
  await using setting = await startInRoom(2);
  const { chat, pass } = setting;
  for (let key = 0; key < 50; key++) chat.typing(true);
  expect(await untilNow(setting)).toEqual(["typing"]);
  pass(3_000);
  chat.typing(true);
  chat.typing(false);
  chat.typing(false);
  expect(await untilNow(setting)).toEqual(["typing", "typing"]);
});

test("a message ends the writing by itself", async () => {
  await using setting = await startInRoom(2);
  const { chat } = setting;
  chat.typing(true);
  chat.send("hello").catch(() => undefined);
  chat.typing(false);
  expect(await untilNow(setting)).toEqual(["typing", "message"]);
});

test("who is alone in a conversation says neither that they write nor what they have read", async () => {
  await using setting = await startInRoom(1);
  setting.chat.typing(true);
  setting.chat.markRead("t1-a");
  expect(await untilNow(setting)).toEqual([]);
});

test("a mark is said once, and once more on a new connection", async () => {
  await using setting = await startInRoom(2);
  const { chat, connection } = setting;
  chat.markRead();
  expect(await connection.frame("read")).toMatchObject({ conversation_id: "c1", seq: 7 });
  chat.markRead();
  chat.markRead("t1-a");
  expect(await connection.frame("read")).toMatchObject({ message_id: "t1-a" });
  chat.markRead("t1-a");
  expect(await untilNow(setting)).toEqual([]);
  connection.close(closeCodes.goingAway);
  const next = await setting.server.connection();
  await next.welcome();
  expect(await next.frame("read")).toMatchObject({ message_id: "t1-a" });
});
