import { type CallId, type ToolJob, toolQueueName } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { Queue } from "bullmq";
import { connectRedis } from "./redis.ts";

interface ToolQueueDeps {
  readonly url: string;
  readonly log: Logger;
}

export interface ToolJobCounts {
  readonly waiting: number;
  readonly active: number;
}

export interface ToolQueue {
  /**
   * Hands a call to the tool workers. The job id is the call id: adding a call that waits or runs changes nothing. One that ended
   * for Redis although its result was never stored (that is why it is added again) is queued anew; the worker looks for a stored
   * result first, so nothing runs twice. Throws at once while Redis is down.
   */
  add(job: ToolJob): Promise<void>;
  /** Drops a call that still waits. One that runs is left alone: it is cancelled over NATS. */
  remove(callId: CallId): Promise<void>;
  counts(): Promise<ToolJobCounts>;
  ready(): boolean;
  close(): Promise<void>;
}

/** Ended jobs are only kept to be looked at; what happened is in the event log. */
const KEEP_ENDED = { age: 3_600, count: 10_000 };

const JOB_OPTIONS = {
  // A tool is not idempotent in general. What may run again is decided by the tool worker, not by a counter in Redis.
  attempts: 1,
  removeOnComplete: KEEP_ENDED,
  removeOnFail: KEEP_ENDED,
};

/** The agents' side of the queue of tool calls. */
export function createToolQueue({ url, log }: ToolQueueDeps): ToolQueue {
  const redis = connectRedis({ url, role: "queue", log });
  const queue = new Queue(toolQueueName, { connection: redis });
  queue.on("error", (error) => log.debug({ reason: error.message }, "the tool queue reports an error"));

  // BullMQ itself would wait for the first connection, however long that takes.
  function requireRedis(): void {
    if (redis.status !== "ready") throw new Error("Redis cannot be reached.");
  }

  function enqueue(job: ToolJob): Promise<unknown> {
    return queue.add(job.tool_name, job, { ...JOB_OPTIONS, jobId: job.call_id });
  }

  return {
    async add(job) {
      requireRedis();
      const [state] = await Promise.all([queue.getJobState(job.call_id), enqueue(job)]);
      if (state !== "completed" && state !== "failed") return;
      await queue.remove(job.call_id);
      await enqueue(job);
    },
    async remove(callId) {
      requireRedis();
      await queue.remove(callId);
    },
    async counts() {
      requireRedis();
      const { waiting = 0, active = 0 } = await queue.getJobCounts("waiting", "active");
      return { waiting, active };
    },
    ready: () => redis.status === "ready",
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}
