import { type CallId, ToolJob, toolJobId, toolQueueName } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { createBullQueue, type BullQueue } from "./bull-queue.ts";
import { connectRedis, type RedisAddress } from "./redis.ts";
import { sealToolJob } from "./sealed-jobs.ts";
import { plainTexts, type SealedTexts } from "./sealed-texts.ts";
import { classOf, giveRankBack, rankOf } from "./tool-ranks.ts";
import { waitingCalls, type WaitingCalls } from "./waiting-calls.ts";

interface ToolQueueDeps extends RedisAddress {
  /** Seals what is queued. Default: nothing does. */
  readonly texts?: SealedTexts | undefined;
  readonly log: Logger;
}

export interface ToolJobCounts extends WaitingCalls {
  readonly waiting: number;
  readonly active: number;
}

export interface ToolQueue {
  /**
   * Hands a call to the tool workers. The job id is the call id: adding a call that waits or runs changes nothing. One that ended
   * for Redis although its result was never stored (that is why it is added again) is queued anew; the worker looks for a stored
   * result first, so nothing runs twice. `go`: a person has agreed to the call, which asked before; the same under an id of its own. Users take turns
   * (`rankOf`). Throws at once while Redis is down.
   */
  add(job: ToolJob, options?: { readonly go?: boolean }): Promise<void>;
  /** Drops a call that still waits, also one that a person has agreed to. One that runs is left alone: it is cancelled over NATS. */
  remove(callId: CallId): Promise<void>;
  counts(): Promise<ToolJobCounts>;
  ready(): boolean;
  close(): Promise<void>;
}

const JOB_OPTIONS = {
  // A tool is not idempotent in general. What may run again is decided by the tool worker, not by a counter in Redis.
  attempts: 1,
  // What happened is in the event log, which forgets it when it should; a copy of the arguments here would outlive their conversation.
  removeOnComplete: true,
  removeOnFail: true,
};

/** Earlier versions kept what had ended. */
const sweepEveryMs = 600_000;
const maxSwept = 10_000;

interface Place {
  readonly jobId: string;
  readonly go: boolean;
}

/** The agents' side of the queue of tool calls. */
export function createToolQueue({ url, tls, texts = plainTexts, log }: ToolQueueDeps): ToolQueue {
  const redis = connectRedis({ url, tls, role: "queue", log });
  const queue = createBullQueue({ name: toolQueueName, redis, log });

  /** Whether the queue did not have it. */
  async function enqueue(jobs: Queue, job: ToolJob, { jobId, go }: Place): Promise<boolean> {
    // Before it takes its place: without a key it takes none.
    const data = await sealToolJob(texts, jobId, job);
    const priority = await rankOf(redis, { jobId, user: job.user.id, of: classOf(job.caller, go) });
    if (priority === undefined) return false;
    await jobs.add(job.tool_name, data, { ...JOB_OPTIONS, jobId, priority });
    return true;
  }

  const stopSweeping = keepSweeping(queue, redis, log);

  return {
    async add(job, { go = false } = {}) {
      const jobs = queue.open();
      const place = { jobId: toolJobId(job.call_id, go), go };
      if (await enqueue(jobs, job, place)) return;
      const state = await jobs.getJobState(place.jobId);
      if (state !== "completed" && state !== "failed") return;
      await jobs.remove(place.jobId);
      await enqueue(jobs, job, place);
    },
    async remove(callId) {
      await removeBoth(queue.open(), redis, callId);
    },
    async counts() {
      const [counts, calls] = await Promise.all([
        queue.open().getJobCounts("waiting", "prioritized", "active"),
        waitingCalls(redis),
      ]);
      const { waiting = 0, prioritized = 0, active = 0 } = counts;
      return { ...calls, waiting: waiting + prioritized, active };
    },
    ready: () => redis.status === "ready",
    async close() {
      stopSweeping();
      await queue.close();
      redis.disconnect();
    },
  };
}

function keepSweeping(queue: BullQueue, redis: Redis, log: Logger): () => void {
  const sweep = async (): Promise<void> => {
    const jobs = queue.open();
    await Promise.all([jobs.clean(0, maxSwept, "completed"), jobs.clean(0, maxSwept, "failed")]);
  };
  const trySweep = (): void =>
    void sweep().catch((err: unknown) => log.debug({ err }, "ended tool jobs could not be removed yet"));
  redis.once("ready", trySweep);
  const sweeping = setInterval(trySweep, sweepEveryMs);
  return () => clearInterval(sweeping);
}

/** Whether nothing of the call is left: what runs cannot be removed. */
async function removeBoth(queue: Queue, redis: Redis, callId: CallId): Promise<boolean> {
  const removed = await Promise.all([false, true].map((go) => removeOne(queue, redis, { callId, go })));
  return removed.every(Boolean);
}

async function removeOne(
  queue: Queue,
  redis: Redis,
  { callId, go }: { readonly callId: CallId; readonly go: boolean },
): Promise<boolean> {
  const id = toolJobId(callId, go);
  const job = await queue.getJob(id);
  if (job === undefined) return true;
  if ((await queue.remove(id)) === 0) return false;
  const { success, data } = Asker.safeParse(job.data);
  if (success && job.priority > 0) await giveRankBack(redis, { user: data.user.id, of: classOf(data.caller, go) });
  return true;
}

/** Whose turn it took. */
const Asker = ToolJob.pick({ user: true, caller: true });

export interface ToolJobs {
  /**
   * Drops what Redis has of these calls. Returns those that run: they cannot be dropped, and may still write a result. Throws while Redis is
   * down.
   */
  drop(calls: readonly CallId[]): Promise<CallId[]>;
}

/** For who deletes a conversation. `redis` stays its owner's. */
export function createToolJobs({ redis, log }: { readonly redis: Redis; readonly log: Logger }): ToolJobs {
  const queue = createBullQueue({ name: toolQueueName, redis, log });
  return {
    async drop(calls) {
      if (calls.length === 0) return [];
      const jobs = queue.open();
      const isGone = await Promise.all(calls.map((call) => removeBoth(jobs, redis, call)));
      return calls.filter((_, i) => isGone[i] === false);
    },
  };
}
