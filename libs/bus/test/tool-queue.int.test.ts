import type { ToolJob } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { signedIn, type Broker, eventually, startRedis } from "@parley/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createToolQueue, type ToolQueue } from "../src/tool-queue.ts";
import { startToolWorker, type ToolWorker, type ToolWorkerOptions } from "../src/tool-worker-queue.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

function callNamed(callId: string): ToolJob {
  return {
    v: 1,
    conversation_id: "c1",
    turn_id: "t1",
    call_id: callId,
    tool_name: "demo_echo",
    arguments: { text: "hello" },
    user: { id: "u1" },
    timeout_ms: 30_000,
  };
}

/** Resolves when `release` is called: a job that runs for as long as the test wants. */
function createGate(): { opened: Promise<void>; release: () => void } {
  let release = (): void => {};
  const opened = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { opened, release };
}

describe("the queue of tool calls", () => {
  let redis: Broker;
  let queue: ToolQueue;
  const workers: ToolWorker[] = [];

  function work(run: ToolWorkerOptions["run"], options: Partial<ToolWorkerOptions> = {}): ToolWorker {
    const worker = startToolWorker({
      url: signedIn(redis.url, "tool"),
      concurrency: 4,
      log,
      run,
      onAbandoned: () => {},
      ...options,
    });
    workers.push(worker);
    return worker;
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

  it("hands a call to one worker, with what the agent wrote", async () => {
    const ran: ToolJob[] = [];
    work(async (job) => {
      ran.push(job);
      return "done";
    });
    await queue.add(callNamed("t1-0-0"));
    await eventually(() => ran.length === 1, { what: "the run" });
    expect(ran).toEqual([callNamed("t1-0-0")]);
  });

  it("runs a call once that is added again while it waits or runs", async () => {
    await queue.add(callNamed("t1-0-0"));
    await queue.add(callNamed("t1-0-0"));
    const gate = createGate();
    let runs = 0;
    work(async () => {
      runs++;
      await gate.opened;
      return "done";
    });
    await eventually(() => runs === 1, { what: "the run" });
    await queue.add(callNamed("t1-0-0"));
    gate.release();
    await queue.add(callNamed("t1-0-1"));
    await eventually(() => runs === 2, { what: "the run of the other call" });
    await eventually(async () => (await queue.counts()).active === 0, { what: "the end of both" });
    expect(runs).toBe(2);
  });

  it("queues a call anew that ended for Redis, because it is only added again when it has no result", async () => {
    let runs = 0;
    work(async () => {
      runs++;
      if (runs === 1) throw new Error("the result could not be stored");
      return "done";
    });
    await queue.add(callNamed("t1-0-0"));
    await eventually(async () => runs === 1 && (await queue.counts()).active === 0, { what: "the failed run" });
    await queue.add(callNamed("t1-0-0"));
    await eventually(() => runs === 2, { what: "the second run" });
  });

  it("does not run a call that was removed while it waited", async () => {
    await queue.add(callNamed("t1-0-0"));
    await queue.remove("t1-0-0");
    const ran: string[] = [];
    work(async (job) => {
      ran.push(job.call_id);
      return "done";
    });
    await queue.add(callNamed("t1-0-1"));
    await eventually(() => ran.length > 0, { what: "the other call" });
    expect(ran).toEqual(["t1-0-1"]);
  });

  it("refuses at once while Redis is down, and again takes calls when it is back without its data", async () => {
    const ran: string[] = [];
    const worker = work(async (job) => {
      ran.push(job.call_id);
      return "done";
    });
    await eventually(() => worker.ready(), { what: "the worker's connection" });
    await redis.kill();
    await eventually(() => !queue.ready(), { what: "the queue seeing it" });
    const startMs = performance.now();
    await expect(queue.add(callNamed("t1-0-0"))).rejects.toThrow("Redis cannot be reached.");
    expect(performance.now() - startMs).toBeLessThan(100);

    await redis.restart();
    await eventually(() => queue.add(callNamed("t1-0-0")).then(() => true), { what: "the call added again" });
    await eventually(() => ran.length === 1, { what: "its run", timeoutMs: 10_000 });
  });

  it("refuses within seconds when Redis stands still", async () => {
    redis.freeze();
    const added = queue.add(callNamed("t1-0-0"));
    await expect(added).rejects.toThrow("Command timed out");
    redis.thaw();
  });

  it("gives a job to another worker at once when its own gives it back while closing", async () => {
    const first = work(async (_job, { closing }) => {
      await new Promise((resolve) => {
        closing.addEventListener("abort", resolve);
      });
      return "give back";
    });
    await queue.add(callNamed("t1-0-0"));
    await eventually(async () => (await queue.counts()).active === 1, { what: "the first run" });
    const ran: boolean[] = [];
    work(async (_job, { recovered }) => {
      ran.push(recovered);
      return "done";
    });
    const startMs = performance.now();
    await first.close(5_000);
    await eventually(() => ran.length === 1, { what: "the second run" });
    expect(ran).toEqual([false]);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it("interrupts what still runs after the grace period of closing", async () => {
    const reasons: unknown[] = [];
    let isRunning = false;
    const worker = work(async (_job, { signal }) => {
      isRunning = true;
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      reasons.push(signal.reason);
      return "done";
    });
    await queue.add(callNamed("t1-0-0"));
    // The queue counts it as active before it runs, and a closing worker gives such a job back.
    await eventually(() => isRunning, { what: "the run" });
    await worker.close(50);
    expect(reasons).toEqual(["stopped"]);
  });

  it("interrupts a run that has lost its lock, when Redis comes back without its data", async () => {
    const reasons: unknown[] = [];
    work(
      async (_job, { signal }) => {
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve);
        });
        reasons.push(signal.reason);
        return "done";
      },
      { lockDurationMs: 1_000, stalledIntervalMs: 300 },
    );
    await queue.add(callNamed("t1-0-0"));
    await eventually(async () => (await queue.counts()).active === 1, { what: "the run" });
    await redis.restart();
    await eventually(() => reasons.length > 0, { what: "the interruption", timeoutMs: 10_000 });
    expect(reasons[0]).toBe("lock lost");
  });

  it("gives the job of a lost worker to the next one, and gives it up when that one is lost too", async () => {
    const fast = { lockDurationMs: 500, stalledIntervalMs: 200 };
    const recovered: boolean[] = [];
    const lose = (): ToolWorker =>
      work((_job, run) => {
        recovered.push(run.recovered);
        return new Promise(() => {});
      }, fast);
    await queue.add(callNamed("t1-0-0"));
    const first = lose();
    await eventually(() => recovered.length === 1, { what: "the first run" });
    const second = lose();
    await first.close(0);
    await eventually(() => recovered.length === 2, { what: "the second run" });
    expect(recovered).toEqual([false, true]);

    const abandoned: string[] = [];
    work(() => Promise.reject(new Error("it must not run a third time")), {
      ...fast,
      onAbandoned: (job) => abandoned.push(job.call_id),
    });
    await second.close(0);
    await eventually(() => abandoned.length === 1, { what: "the word that it is given up" });
    expect(abandoned).toEqual(["t1-0-0"]);
  });

  it("closes within its time while Redis is down", async () => {
    const worker = work(async () => "done");
    await eventually(() => worker.ready(), { what: "the worker's connection" });
    await redis.kill();
    const startMs = performance.now();
    await worker.close(100);
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });
});
