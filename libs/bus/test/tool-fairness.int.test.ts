import { once } from "node:events";
import { redisKeys, toolQueueName, type CallerRights, type ToolJob } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, startRedis, type Broker } from "@parley/testkit";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createToolQueue, type ToolQueue } from "../src/tool-queue.ts";
import { startToolWorker, type ToolWorker } from "../src/tool-worker-queue.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const program: CallerRights = { roles: [], scopes: ["conversation:*"] };

let redis: Broker;
let queue: ToolQueue;
let operator: Redis;
const workers: ToolWorker[] = [];

beforeEach(async () => {
  redis = await startRedis({ persist: false });
  queue = createToolQueue({ url: signedIn(redis.url, "agent"), log });
  operator = new Redis(redis.url);
  await eventually(() => queue.ready(), { what: "the queue's connection" });
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close(0)));
  operator.disconnect();
  await queue.close();
  await redis[Symbol.asyncDispose]();
});

function callOf(user: string, n: number, caller?: CallerRights): ToolJob {
  const call = { call_id: `${user}-${n}`, tool_name: "demo_echo", arguments: {}, timeout_ms: 30_000 };
  return { v: 1, conversation_id: "c1", turn_id: "t1", user: { id: user }, ...call, ...(caller && { caller }) };
}

async function add(user: string, count: number, caller?: CallerRights): Promise<void> {
  for (let n = 0; n < count; n++) await queue.add(callOf(user, n, caller));
}

/** Takes one call after the other, and waits for `release` before each end. Returns which were taken, in their order. */
function work(concurrency = 1, release: (job: ToolJob) => Promise<void> = async () => {}): string[] {
  const ran: string[] = [];
  const worker = startToolWorker({
    ...{ url: signedIn(redis.url, "tool"), concurrency, log, onAbandoned: () => {} },
    async run(job) {
      ran.push(job.call_id);
      await release(job);
      return "done";
    },
  });
  workers.push(worker);
  return ran;
}

async function allOf(ran: string[], count: number): Promise<string[]> {
  await eventually(() => ran.length === count, { what: `${count} calls`, timeoutMs: 20_000 });
  return ran;
}

it("lets users take turns, whoever came first and however many calls they have; each one's own stay in their order", async () => {
  await add("flood", 5);
  await add("ann", 2);
  await add("bob", 1);
  const order = ["flood-0", "ann-0", "bob-0", "flood-1", "ann-1", "flood-2", "flood-3", "flood-4"];
  expect(await allOf(work(), 8)).toEqual(order);
});

it("lets users take turns also when a user's calls are added all at once", async () => {
  await Promise.all(Array.from({ length: 50 }, (_, n) => queue.add(callOf("flood", n))));
  await queue.add(callOf("ann", 0));
  await queue.add(callOf("ann", 1));
  const ran = await allOf(work(), 52);
  expect([1, 3]).toEqual([ran.indexOf("ann-0"), ran.indexOf("ann-1")]);
});

it("takes somebody's first call next, also when the flood has had many rounds", async () => {
  await add("flood", 30);
  const added: string[] = [];
  const ran = work(1, async (job) => {
    if (job.call_id === "flood-20") await queue.add(callOf("ann", 0));
    added.push(job.call_id);
  });
  await allOf(ran, 31);
  // The one that is next already may have been of this round.
  expect(ran.indexOf("ann-0")).toBeLessThanOrEqual(23);
  expect(ran.indexOf("ann-0")).toBeGreaterThan(20);
});

it("does not let a stream of newcomers starve whoever has had many rounds", async () => {
  await add("flood", 20);
  let newcomers = 0;
  const ran = work(1, async () => {
    if (newcomers < 60) await queue.add(callOf(`new${newcomers++}`, 0));
  });
  await allOf(ran, 80);
  // Each call brings somebody new, so the rounds grow by one: after 40 calls there have been eight or nine.
  const half = ran.slice(0, 40).filter((id) => id.startsWith("flood"));
  expect(half.length).toBeGreaterThanOrEqual(8);
});

it("takes what a person has agreed to first, then conversations, then programs; and these are not starved", async () => {
  await add("robot", 3, program);
  await add("ann", 10);
  await queue.add(callOf("bob", 0), { go: true });
  const ran = await allOf(work(), 14);
  expect(ran.slice(0, 2)).toEqual(["bob-0", "ann-0"]);
  expect(ran.indexOf("robot-0")).toBe(9);
  expect(ran.slice(-2)).toEqual(["robot-1", "robot-2"]);
});

it("counts a call once that is added again and again while it waits", async () => {
  await add("ann", 1);
  for (let again = 0; again < 20; again++) await queue.add(callOf("ann", 0));
  await queue.add(callOf("ann", 1));
  await add("bob", 2);
  expect(await allOf(work(), 4)).toEqual(["ann-0", "bob-0", "ann-1", "bob-1"]);
});

it("does not let a user wait for calls that were removed", async () => {
  await add("other", 5);
  await add("ann", 100);
  for (let n = 0; n < 100; n++) await queue.remove(`ann-${n}`);
  await queue.add(callOf("ann", 100));
  expect((await allOf(work(), 6)).indexOf("ann-100")).toBe(1);
});

it("keeps nothing of users when nothing waits any more", async () => {
  await add("ann", 5);
  await add("bob", 5);
  await allOf(work(), 10);
  await operator.hincrby(redisKeys.toolRound, "at", "-2000");
  await queue.add(callOf("cid", 0));
  expect(await operator.zrange(redisKeys.toolRanks, "0", "-1")).toEqual(["interactive:cid"]);
});

it("counts the rounds anew when BullMQ can count no further, with the order of all that waits", async () => {
  await add("flood", 3);
  await add("ann", 1);
  const prioritized = "bull:tools:prioritized";
  const by = 524_280;
  for (const id of await operator.zrange(prioritized, "0", "-1")) {
    await operator.zincrby(prioritized, by * 4 * 2 ** 32, id);
    await operator.hincrby(`bull:tools:${id}`, "priority", String(by * 4));
  }
  await operator.zincrby(redisKeys.toolRanks, by, "interactive:flood");
  await operator.zincrby(redisKeys.toolRanks, by, "interactive:ann");
  await operator.hset(redisKeys.toolRound, { round: by });
  await queue.add(callOf("flood", 3));
  for (let n = 4; n < 12; n++) await queue.add(callOf("flood", n));
  await queue.add(callOf("bob", 0));
  const [, highest] = await operator.zrange(prioritized, "-1", "-1", "WITHSCORES");
  expect(Number(highest) / 2 ** 32 / 4).toBeLessThan(20);
  const ran = await allOf(work(), 14);
  expect(ran.slice(0, 3)).toEqual(["flood-0", "ann-0", "bob-0"]);
  expect(ran.slice(3)).toEqual(Array.from({ length: 11 }, (_, n) => `flood-${n + 1}`));
});

it("takes what was given back before all others, and what an older version added", async () => {
  await add("flood", 1);
  const options = { url: signedIn(redis.url, "tool"), concurrency: 1, log, onAbandoned: () => {} };
  const taken: string[] = [];
  const closing = startToolWorker({
    ...options,
    async run(job, run) {
      taken.push(job.call_id);
      await once(run.closing, "abort");
      return "give back";
    },
  });
  await eventually(() => taken.length === 1, { what: "the first call" });
  await add("ann", 2);
  await closing.close(1_000);
  const older = new Queue(toolQueueName, { connection: operator });
  await older.add("demo_echo", callOf("old", 0), { jobId: "old-0" });
  const counts = await queue.counts();
  expect(counts).toMatchObject({ waiting: 4, active: 0, classes: { returned: { waiting: 2 } } });
  expect(await allOf(work(), 4)).toEqual(["flood-0", "old-0", "ann-0", "ann-1"]);
  await older.close();
});

it("says how many wait by class, for how long, and of how many users", async () => {
  await add("flood", 7);
  await add("ann", 2);
  await add("robot", 3, program);
  await queue.add(callOf("bob", 0), { go: true });
  const { waiting, active, classes, users, mostOfOneUser } = await queue.counts();
  const counts = Object.fromEntries(Object.entries(classes).map(([name, one]) => [name, one.waiting]));
  expect({ waiting, active, users, mostOfOneUser, counts }).toEqual({
    ...{ waiting: 13, active: 0, users: 4, mostOfOneUser: 7 },
    counts: { approved: 1, interactive: 9, programs: 3, returned: 0 },
  });
  expect(classes.interactive.oldestMs).toBeGreaterThan(0);
  expect(classes.interactive.oldestMs).toBeLessThan(60_000);
});
