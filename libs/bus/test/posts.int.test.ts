import { jetstreamManager } from "@nats-io/jetstream";
import { decodeEvent, encodeJson, streams, subjects, type PostEvent } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, type NatsServer } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openBus, type Bus } from "../src/bus.ts";
import type { NewPost } from "../src/posts.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
let nats: NatsServer;
let buses: readonly [Bus, Bus];
let count = 0;

beforeAll(async () => {
  nats = await startNats();
  const open = () => openBus({ servers: nats.url, name: "test", shards: 2, log });
  buses = [await open(), await open()];
});
afterAll(async () => {
  await Promise.all(buses.map((bus) => bus.close()));
  await nats[Symbol.asyncDispose]();
});

const newConversation = (): string => `c${++count}`;

function draft(conversation_id: string, id: string): NewPost {
  const author = { role: "user", id: "ann" };
  const turn_id = `t_${id}`;
  return {
    ...{ conversation_id, turn_id, message_id: `${turn_id}-u`, id, author },
    ...{ message: `says ${id}`, after: null, ts: Date.now() },
  };
}

/** Notes the message, as an edge does, and appends it. */
async function post(conversation: string, id: string, bus: Bus = buses[0], seq = 0) {
  const { after, ...message } = draft(conversation, id);
  await bus.facts.write({ kind: "said", v: 1, ...message, post: true, after });
  return bus.posts.append(draft(conversation, id), { seq });
}

async function told(conversation: string): Promise<PostEvent[]> {
  const { events } = buses[0];
  const { lastSeq } = await events.state(events.shardOf(conversation));
  const found = await events.read(conversation, { fromSeq: 1, toSeq: lastSeq });
  return found.map(({ data }) => decodeEvent(data)).flatMap((event) => (event.type === "post" ? event : []));
}

const numbers = (posts: readonly { readonly n: number }[]): number[] => posts.map(({ n }) => n);

/** As a process leaves it that dies between the record and its event. */
async function storeUntold(conversation: string, id: string): Promise<void> {
  const { events, posts } = buses[0];
  const shard = events.shardOf(conversation);
  const page = await posts.tail(conversation, { limit: 1 });
  const last = page.posts.at(-1);
  const n = (last?.post.n ?? 0) + 1;
  const { seq = 0 } = last ?? {};
  const record = { v: 1, kind: "post", conversation_id: conversation, prev: seq, ts: 1 };
  const value = { ...record, post: { type: "post", ...draft(conversation, id), n } };
  const subject = subjects.post(shard, conversation);
  expect((await events.append({ subject, data: encodeJson(value), expect: seq })).kind).toBe("stored");
}

it("numbers posts without a gap and tells each once in their order, however many write at once", async () => {
  const conversation = newConversation();
  const ids = Array.from({ length: 12 }, (_, i) => `m${i}`);
  await Promise.all(ids.map((id, i) => post(conversation, id, buses[i % 2 === 0 ? 0 : 1])));
  const page = await buses[1].posts.tail(conversation, { limit: 100 });
  const all = ids.map((_, i) => i + 1);
  expect(numbers(page.posts.map((one) => one.post))).toEqual(all);
  expect(numbers(await told(conversation))).toEqual(all);
  expect(new Set(page.posts.map((one) => one.post.id))).toEqual(new Set(ids));
});

it("stores a message once that two processes got, also where the one that noted it first comes last", async () => {
  const conversation = newConversation();
  await post(conversation, "m0");
  const before = await buses[0].posts.endOf(conversation);
  const [one, other] = await Promise.all([
    post(conversation, "m1", buses[0], before),
    post(conversation, "m1", buses[1], before),
  ]);
  expect(one.isRepeated).not.toBe(other.isRepeated);
  expect(one.post).toEqual(other.post);
  await post(conversation, "m2");
  // It stood still since it noted the message, and others wrote meanwhile.
  const late = await buses[0].posts.append(draft(conversation, "m1"), { seq: before });
  expect(late).toMatchObject({ isRepeated: true, post: { n: 2 } });
  expect(numbers(await told(conversation))).toEqual([1, 2, 3]);
});

it("tells what was stored and never told, several of them, in their order and once", async () => {
  const conversation = newConversation();
  await post(conversation, "m1");
  await storeUntold(conversation, "m2");
  await storeUntold(conversation, "m3");
  expect(numbers(await told(conversation))).toEqual([1]);
  await Promise.all([post(conversation, "m4", buses[0]), post(conversation, "m5", buses[1])]);
  expect(numbers(await told(conversation))).toEqual([1, 2, 3, 4, 5]);
});

it("tells a first post again whose process died, when the message comes again", async () => {
  const conversation = newConversation();
  const { after, ...message } = draft(conversation, "m1");
  const said = await buses[0].facts.write({ kind: "said", v: 1, ...message, post: true, after });
  expect(said.won).toBe(true);
  await storeUntold(conversation, "m1");
  const again = await buses[1].posts.append(draft(conversation, "m1"), { storedMs: Date.now() });
  expect(again).toMatchObject({ isRepeated: true, post: { n: 1 } });
  expect(again.eventSeq).toBeGreaterThan(0);
  expect(numbers(await told(conversation))).toEqual([1]);
});

it("is read backwards in pages, each in few round trips", async () => {
  const conversation = newConversation();
  for (let i = 1; i <= 7; i++) await post(conversation, `m${i}`);
  const { posts } = buses[1];
  const newest = await posts.tail(conversation, { limit: 3 });
  expect(numbers(newest.posts.map((one) => one.post))).toEqual([5, 6, 7]);
  const middle = await posts.tail(conversation, { limit: 3, from: newest.before });
  expect(numbers(middle.posts.map((one) => one.post))).toEqual([2, 3, 4]);
  const oldest = await posts.tail(conversation, { limit: 3, from: middle.before });
  expect(numbers(oldest.posts.map((one) => one.post))).toEqual([1]);
  expect(oldest.before).toBe(0);
  // A place of another conversation is none in this one.
  expect(await posts.tail(newConversation(), { limit: 3, from: newest.before })).toEqual({ posts: [], before: 0 });
});

it("is gone with its conversation, and what was on its way is not stored behind that", async () => {
  const conversation = newConversation();
  await post(conversation, "m1");
  const jsm = await jetstreamManager(buses[0].nc);
  await buses[0].conversations.purge(conversation);
  expect(await buses[0].posts.tail(conversation, { limit: 9 })).toEqual({ posts: [], before: 0 });
  await expect(buses[1].posts.append(draft(conversation, "m2"), { seq: 0 })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  // A first post that was on its way while nothing was there.
  const other = newConversation();
  await expect(buses[0].posts.append(draft(other, "m1"), { seq: 0 })).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await buses[1].posts.tail(other, { limit: 9 })).posts).toEqual([]);
  // Begun anew, it counts from one.
  expect((await post(conversation, "m3")).post.n).toBe(1);
  const shard = buses[0].events.shardOf(conversation);
  const kept = await jsm.streams.info(streams.log(shard), { subjects_filter: subjects.post(shard, conversation) });
  expect(kept.state.subjects).toEqual({ [subjects.post(shard, conversation)]: 2 });
});
