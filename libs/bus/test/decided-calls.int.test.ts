import type { ToolJob } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { signedIn, type Broker, eventually, startRedis } from "@parley/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { connectRedis } from "../src/redis.ts";
import { createToolJobs, createToolQueue, type ToolQueue } from "../src/tool-queue.ts";
import { startToolWorker, type ToolWorker } from "../src/tool-worker-queue.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const call: ToolJob = {
  ...{ v: 1, conversation_id: "c1", turn_id: "t1", call_id: "t1-0-0", tool_name: "demo_change" },
  ...{ arguments: { text: "x" }, user: { id: "u1" }, timeout_ms: 30_000 },
};

let redis: Broker;
let queue: ToolQueue;
const workers: ToolWorker[] = [];

/** A worker that notes which jobs it ran, and keeps them until `release`. */
function work(): { ran: boolean[]; release: () => void } {
  const ran: boolean[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const run = async (_job: ToolJob, { go }: { go: boolean }): Promise<"done"> => {
    ran.push(go);
    await released;
    return "done";
  };
  workers.push(startToolWorker({ url: signedIn(redis.url, "tool"), concurrency: 4, log, run, onAbandoned: () => {} }));
  return { ran, release };
}

async function drop(): Promise<string[]> {
  const cache = connectRedis({ url: signedIn(redis.url, "edge"), role: "cache", log });
  await eventually(() => cache.status === "ready", { what: "the connection" });
  try {
    return await createToolJobs({ redis: cache, log }).drop([call.call_id]);
  } finally {
    cache.disconnect();
  }
}

beforeEach(async () => {
  redis = await startRedis({ persist: false });
  queue = createToolQueue({ url: signedIn(redis.url, "agent"), log });
  await eventually(() => queue.ready(), { what: "the queue's connection" });
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close(0)));
  await queue.close();
  await redis[Symbol.asyncDispose]();
});

it("a call that was decided is a job of its own beside the one that asked, once however often it is added", async () => {
  await queue.add(call);
  await queue.add(call, { go: true });
  await queue.add(call, { go: true });
  expect(await queue.counts()).toMatchObject({ waiting: 2 });
  const { ran, release } = work();
  await eventually(() => ran.length === 2, { what: "both runs" });
  release();
  await eventually(async () => (await queue.counts()).active === 0, { what: "their ends" });
  expect(new Set(ran)).toEqual(new Set([false, true]));
});

it("removing a call removes both of its jobs", async () => {
  await queue.add(call);
  await queue.add(call, { go: true });
  await queue.remove(call.call_id);
  expect(await queue.counts()).toMatchObject({ waiting: 0 });
});

it("deleting a conversation drops both jobs of a call", async () => {
  await queue.add(call);
  await queue.add(call, { go: true });
  expect(await drop()).toEqual([]);
  expect(await queue.counts()).toMatchObject({ waiting: 0 });
});

it("a decided call that runs cannot be dropped, and is said to run", async () => {
  await queue.add(call, { go: true });
  const { ran, release } = work();
  await eventually(() => ran.length === 1, { what: "the run" });
  expect(await drop()).toEqual([call.call_id]);
  release();
  await eventually(async () => (await drop()).length === 0, { what: "the end of the run" });
});
