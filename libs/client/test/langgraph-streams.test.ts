import { createLangGraphAdapter } from "@parley/client/langgraph";
import { expect, test } from "vitest";
import { frames, leave, startReady } from "./fixtures.ts";

const common = { conversation_id: "c1", turn_id: "t1", ts: 0 };
const author = { role: "user" };
const message = { type: "message", seq: 1, ...common, message_id: "t1-u", id: "m1", author, message: "hi" };
const channels = ["values", "messages", "lifecycle"] as const;

/** An adapter over a scripted server whose conversation is followed. `settled`: all that was sent has been heard. */
async function startThread() {
  const setting = await startReady();
  const adapter = createLangGraphAdapter({ client: setting.client, threadId: "c1" });
  const first = adapter.openEventStream({ channels });
  leave(first.ready);
  await setting.connection.frame("subscribe");
  setting.connection.send(frames.subscribed(0));
  const view = () => setting.client.conversation("c1").view;
  const heard = async (...list: readonly { seq?: number }[]): Promise<void> => {
    setting.connection.send(...list);
    const seq = list.at(-1)?.seq ?? 0;
    await expect.poll(() => view().seq, { timeout: 10_000 }).toBe(seq);
  };
  return { ...setting, adapter, first, heard, view };
}

const tokens = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => frames.token(from + at, from + at, "a"));

test("who leaves the loop over a stream is told nothing more, and its next read is the end", async () => {
  await using thread = await startThread();
  await thread.heard(message, frames.token(2, 2, "a"));
  const { events } = thread.adapter.openEventStream({ channels });
  for await (const event of events) if (event.seq === 2) break;
  await thread.heard(frames.token(3, 3, "b"));
  const more = events[Symbol.asyncIterator]();
  expect(await more.next()).toEqual({ done: true, value: undefined });
});

test("leaving resolves while a read waits, and ends that read", async () => {
  await using thread = await startThread();
  const reader = thread.adapter.events()[Symbol.asyncIterator]();
  const reading = reader.next();
  expect(await reader.return?.()).toEqual({ done: true, value: undefined });
  expect(await reading).toEqual({ done: true, value: undefined });
});

test("reads that were begun together get one event each, in order", async () => {
  await using thread = await startThread();
  const reader = thread.adapter.openEventStream({ channels: ["messages"] }).events[Symbol.asyncIterator]();
  const reads = [reader.next(), reader.next(), reader.next()];
  await thread.heard(message, frames.token(2, 2, "a"));
  const seen = (await Promise.all(reads)).map(({ value }) => value?.params.data.event);
  expect(seen).toEqual(["message-start", "content-block-start", "content-block-delta"]);
});

test("a stream that nobody reads is closed with an error, and one that is opened then has all that is kept", async () => {
  await using thread = await startThread();
  await thread.heard(message, ...tokens(2, 10_010));
  const read = async (events: AsyncIterable<unknown>, most: number): Promise<number> => {
    let count = 0;
    for await (const _ of events) if (++count === most) break;
    return count;
  };
  await expect(read(thread.first.events, Infinity)).rejects.toThrow("Nobody has read this stream for 10000 events");
  expect(await read(thread.first.events, Infinity)).toBe(0);
  // The answer's beginning and each of its tokens, although that is more than a reader may be behind.
  const { events } = thread.adapter.openEventStream({ channels: ["messages"] });
  expect(await read(events, 10_012)).toBe(10_012);
});

test("of a conversation that was deleted nothing is kept once another run begins", async () => {
  await using thread = await startThread();
  await thread.heard(message, frames.token(2, 2, "secret"));
  thread.connection.send(frames.error("NOT_FOUND", { frame: "delete", conversation_id: "c1" }));
  await expect.poll(() => thread.view().turns.length).toBe(0);
  const other = { ...frames.token(1, 1, "new"), turn_id: "t2" };
  await thread.heard(other);
  const { events, close } = thread.adapter.openEventStream({ channels: ["messages"] });
  setImmediate(close);
  const told: unknown[] = [];
  for await (const event of events) told.push(event);
  expect(JSON.stringify(told)).toContain("new");
  expect(JSON.stringify(told)).not.toContain("secret");
});
