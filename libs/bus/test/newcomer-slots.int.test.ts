import type { ToolJob } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, startRedis, type Broker } from "@parley/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createToolQueue, type ToolQueue } from "../src/tool-queue.ts";
import { startToolWorker, type JobEnd, type JobRun, type ToolWorker } from "../src/tool-worker-queue.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

let redis: Broker;
let queue: ToolQueue;
const workers: ToolWorker[] = [];

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

function callOf(user: string, n: number): ToolJob {
  const call = { call_id: `${user}-${n}`, tool_name: "demo_echo", arguments: {}, timeout_ms: 30_000 };
  return { v: 1, conversation_id: "c1", turn_id: "t1", user: { id: user }, ...call };
}

async function add(user: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await queue.add(callOf(user, n));
}

/** Calls that end when the test says so, in 8 slots: there is one more for newcomers. */
function work(lockDurationMs = 20_000) {
  const running = new Map<string, { readonly run: JobRun; readonly end: (how: JobEnd) => void }>();
  const began: string[] = [];
  const worker = startToolWorker({
    ...{ url: signedIn(redis.url, "tool"), concurrency: 8, log, onAbandoned: () => {}, lockDurationMs },
    stalledIntervalMs: 200,
    async run({ call_id: id }, run) {
      began.push(id);
      const ended = new Promise<JobEnd>((resolve) => {
        running.set(id, { run, end: resolve });
        run.signal.addEventListener("abort", () => resolve("done"));
      });
      return ended.finally(() => running.delete(id));
    },
  });
  workers.push(worker);
  return { worker, began, running };
}

it("gives somebody of whom nothing runs a slot of their own while one user has all of them", async () => {
  await add("flood", 30);
  const { began, running } = work();
  await eventually(() => running.size === 8, { what: "a full worker" });
  await queue.add(callOf("ann", 0));
  await eventually(() => running.has("ann-0"), { what: "the newcomer's call", timeoutMs: 3_000 });
  expect(running.size).toBe(9);
  // No more than that, for whomever: neither for the flood nor for a second newcomer until the first has ended.
  await queue.add(callOf("bob", 0));
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(began).toHaveLength(9);
  running.get("ann-0")?.end("done");
  await eventually(() => running.has("bob-0"), { what: "the second newcomer's call", timeoutMs: 3_000 });
  expect(began.filter((id) => id.startsWith("flood"))).toHaveLength(8);
});

it("gives no additional slot where every user has one, nor to the user who has all", async () => {
  for (let n = 0; n < 9; n++) await queue.add(callOf(`user${n}`, 0));
  const { began, running } = work();
  await eventually(() => running.size === 8, { what: "a full worker" });
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(began).toHaveLength(8);
});

it("keeps the lock of a call in an additional slot, and waits for it when the worker closes", async () => {
  await add("flood", 8);
  const { worker, began, running } = work(1_000);
  await eventually(() => running.size === 8, { what: "a full worker" });
  await queue.add(callOf("ann", 0));
  await eventually(() => running.has("ann-0"), { what: "the newcomer's call", timeoutMs: 3_000 });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(began.filter((id) => id === "ann-0")).toHaveLength(1);
  expect(running.get("ann-0")?.run.signal.aborted).toBe(false);
  let isClosed = false;
  const closed = worker.close(10_000).then(() => (isClosed = true));
  for (const [id, { end }] of running) if (id !== "ann-0") end("done");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect([isClosed, running.has("ann-0")]).toEqual([false, true]);
  running.get("ann-0")?.end("give back");
  await closed;
  const { running: elsewhere } = work();
  await eventually(() => elsewhere.has("ann-0"), { what: "the call on another worker", timeoutMs: 3_000 });
});
