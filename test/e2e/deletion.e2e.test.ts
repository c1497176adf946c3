import { readFile } from "node:fs/promises";
import path from "node:path";
import { connectRedis, openBus, type Bus } from "@parley/bus";
import { pendingApprovals, streams, wakeConsumer } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, startSystem, type Service, type System, shownTurn, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { testEncryption } from "./test-encryption.ts";
import { devToken, person } from "./person.ts";

type Redis = ReturnType<typeof connectRedis>;

const marker = "zanzibar";
const log = createLogger({ service: "test", level: "silent", format: "json" });

async function remove(edge: Service, conversation: string): Promise<number> {
  const authorization = `Bearer ${await devToken(edge, "anna")}`;
  const url = `http://127.0.0.1:${edge.port}/api/v1/conversations/${conversation}`;
  return (await fetch(url, { method: "DELETE", headers: { authorization } })).status;
}

/** Every message of every stream. */
async function inBroker({ nc }: Bus): Promise<string> {
  const api = async (name: string, body: object): Promise<string> =>
    (await nc.request(`$JS.API.${name}`, JSON.stringify(body), { timeout: 2_000 })).string();
  const found: string[] = [];
  for (const stream of [streams.turns, streams.events(0), streams.log(0), streams.facts(0)]) {
    const { state } = JSON.parse(await api(`STREAM.INFO.${stream}`, {}));
    for (let seq = Number(state.first_seq); seq <= state.last_seq; seq++) {
      const { message } = JSON.parse(await api(`STREAM.MSG.GET.${stream}`, { seq }));
      if (message !== undefined)
        found.push(`${message.subject} ${Buffer.from(message.data ?? "", "base64").toString()}`);
    }
  }
  return found.join("\n");
}

/** Every value of every key, whatever its type. */
async function inRedis(redis: Redis): Promise<string> {
  const valueOf = async (key: string): Promise<unknown> => {
    const type = await redis.type(key);
    if (type === "hash") return redis.hgetall(key);
    if (type === "list") return redis.lrange(key, 0, -1);
    if (type === "set") return redis.smembers(key);
    if (type === "zset") return redis.zrange(key, "0", "-1");
    return type === "stream" ? redis.xrange(key, "-", "+") : redis.get(key);
  };
  const keys = await redis.keys("*");
  return JSON.stringify(await Promise.all(keys.map(async (key) => [key, await valueOf(key)])));
}

async function open({ nats, redis: { url } }: System) {
  const bus = await openBus({ servers: nats.url, name: "test", log, ...(await testEncryption()) });
  const redis = connectRedis({ url, role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  return {
    bus,
    redis,
    async [Symbol.asyncDispose]() {
      redis.disconnect();
      await bus.close();
    },
  };
}

it("leaves no word of a conversation, neither in the broker nor in Redis nor at an edge", async () => {
  await using system = await startSystem({ edges: 2, env: { "tool-worker": { DEMO_TOOLS: "1" } } });
  await using stores = await open(system);
  using anna = await person(system.edges[0]!);
  using elsewhere = await person(system.edges[1]!);
  const chat = anna.conversation();
  const told = await chat.send(`call the tool demo_echo with {"text":"${marker}"}`);
  const end = await chat.untilEnd(told.turn_id);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ status: "completed", result: marker }] });
  const viewer = elsewhere.conversation(chat.id);
  await viewer.subscribe();
  await eventually(() => viewer.view.transcript.length === 2, { what: "the transcript at the other edge" });
  await stores.bus.titles.give(chat.id, { title: `all about ${marker}` });
  await eventually(() => viewer.view.title?.includes(marker) === true, { what: "the title at the other edge" });
  await eventually(async () => (await inRedis(stores.redis)).includes(marker), { what: "the list's title" });
  expect(await inBroker(stores.bus)).toContain(marker);

  // Also while a tool runs.
  const { turn_id } = await chat.send(`call the tool demo_sleep with {"ms":60000} ${marker}`);
  await eventually(() => shownTurn(chat.view, turn_id)?.tool_calls.length === 1, { what: "the call" });
  const cancelled = chat.untilEnd(turn_id);
  expect(await remove(system.edges[0]!, chat.id)).toBe(204);
  expect((await cancelled).type).toBe("cancelled");
  // Who asks later has a client that has dropped it.
  await expect(chat.untilEnd(turn_id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await inBroker(stores.bus)).not.toContain(marker);
  expect(await inRedis(stores.redis)).not.toContain(marker);
  for (const edge of system.edges) {
    using later = await person(edge);
    const frames: unknown[] = [];
    const again = later.conversation(chat.id);
    again.on("frame", (frame) => frames.push(frame));
    await again.subscribe();
    expect(JSON.stringify(frames)).not.toContain(marker);
  }
});

/** What is left to do about decisions of people. */
async function undecidedWork({ nc }: Bus): Promise<number> {
  const info = await nc.request(`$JS.API.CONSUMER.INFO.${streams.facts(0)}.${wakeConsumer}`, "", { timeout: 2_000 });
  const { num_pending, num_ack_pending } = JSON.parse(info.string());
  return Number(num_pending) + Number(num_ack_pending);
}

it("leaves no word of one that waits for a person, and a decision that comes later does nothing", async () => {
  await using folder = await tempDir();
  const counterFile = path.join(folder.path, "counter");
  const tools = { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: counterFile };
  await using system = await startSystem({ env: { "tool-worker": tools } });
  await using stores = await open(system);
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send(`change the counter to ${marker}`);
  await eventually(() => pendingApprovals(chat.view).length === 1, { what: "the question" });
  const address = { conversation: chat.id, turn: turn_id, call: `${turn_id}-0-0` };
  const asked = await stores.bus.facts.read("asked", address);
  if (asked?.kind !== "asked") throw new Error("nothing is asked");
  await eventually(async () => (await inBroker(stores.bus)).includes(".wait "), { what: "the wait" });

  const cancelled = chat.untilEnd(turn_id);
  expect(await remove(system.edges[0]!, chat.id)).toBe(204);
  expect((await cancelled).type).toBe("cancelled");
  expect(await inBroker(stores.bus)).not.toContain(marker);
  expect(await inRedis(stores.redis)).not.toContain(marker);

  const { hash, call_id, conversation_id } = asked;
  const about = { v: 1, conversation_id, turn_id, call_id, ts: Date.now(), hash };
  await stores.bus.facts.write({ kind: "decided", ...about, approved: true, by: { id: "anna" } });
  await eventually(async () => (await undecidedWork(stores.bus)) === 0, { what: "the decision being done with" });
  expect(await readFile(counterFile, "utf8").catch(() => "nothing")).toBe("nothing");
  expect((await inBroker(stores.bus)).split("\n").filter((line) => line.includes(turn_id))).toEqual([
    expect.stringContaining(".decided."),
  ]);
});

it("goes with every message that meets it, or comes before it: each of them ends", async () => {
  await using system = await startSystem();
  await using stores = await open(system);
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  await chat.untilEnd((await chat.send("hello")).turn_id);
  const sent = Array.from({ length: 6 }, (_, i) => chat.send(`message ${i}\n/sim tokens=40 rate=200`));
  const removed = remove(system.edges[0]!, chat.id);
  const turns = await Promise.all(sent);
  const ends = await Promise.all(turns.map(({ turn_id }) => chat.untilEnd(turn_id)));
  expect(await removed).toBe(204);
  expect(ends.every(({ type }) => type === "cancelled" || type === "complete")).toBe(true);
  const kept = (await stores.bus.transcripts.tail(chat.id, { limit: 50 })).turns;
  // What is kept of a message is whole: its question and its answer.
  expect(kept.every(({ question, answer }) => question !== undefined && answer !== undefined)).toBe(true);
});
