import type { Logger } from "@parley/runtime";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";

interface BullQueueDeps {
  readonly name: string;
  /** Stays its owner's. */
  readonly redis: Redis;
  readonly log: Logger;
}

export interface BullQueue {
  /** Throws at once while Redis is down: BullMQ itself would wait for the connection, however long that takes. */
  open(): Queue;
  close(): Promise<void>;
}

/**
 * BullMQ asks a server once what it is, and keeps the answer: a queue that did not get one, because Redis went just then or did not answer in time, would refuse all there is for as long as the
 * process lives. So whoever comes next has another one.
 */
export function createBullQueue({ name, redis, log }: BullQueueDeps): BullQueue {
  let queue: Queue | undefined;
  const giveUp = (made: Queue): void => {
    if (queue === made) queue = undefined;
    made.close().catch((err: unknown) => log.debug({ err, queue: name }, "a queue could not be closed"));
  };
  return {
    open() {
      if (redis.status !== "ready") throw new Error("Redis cannot be reached.");
      if (queue !== undefined) return queue;
      const made = new Queue(name, { connection: redis, skipMetasUpdate: true });
      made.on("error", (error) => log.debug({ queue: name, reason: error.message }, "a queue reports an error"));
      made.waitUntilReady().catch(() => giveUp(made));
      queue = made;
      return made;
    },
    async close() {
      await queue?.close();
    },
  };
}
