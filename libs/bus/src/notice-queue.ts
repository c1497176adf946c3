import { createHash } from "node:crypto";
import { noticeQueueName, type Notice, type NoticeJob, type pushQueueName } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import { UnrecoverableError, Worker, type Job, type Queue } from "bullmq";
import type { Redis } from "ioredis";
import { createBullQueue } from "./bull-queue.ts";
import { isNamedIn } from "./pseudonyms.ts";
import { connectRedis, type RedisAddress } from "./redis.ts";
import { openNoticeJob, sealNoticeJob } from "./sealed-jobs.ts";
import { plainTexts, type SealedTexts } from "./sealed-texts.ts";

/** Of these two, whoever says them again makes no second notice. */
const keptSeconds = 7_200;
const mostKept = 50_000;
/** Where nobody sends them they would fill Redis. */
const mostQueued = 50_000;
const lookEveryMs = 5_000;
/** The first try, and four more: after 2, 4, 8 and 16 s. */
const tries = 5;
const backoffMs = 2_000;

/** Notices as they were made, and those to single devices: each of the second is made of one of the first. */
export type NoticeQueueName = typeof noticeQueueName | typeof pushQueueName;

/** The same notice has the same id, whoever makes it and however often: its job's, and the receiver's. `device`: to which alone it goes. */
export function noticeIdOf({ conversation_id, message_id, call_id, user_id }: Notice, device?: string): string {
  const to = device === undefined ? [] : [device];
  const parts = JSON.stringify([conversation_id, message_id ?? null, call_id ?? null, user_id, ...to]);
  return `ntc_${createHash("sha256").update(parts).digest("base64url")}`;
}

/** It will not be taken later either. */
export class NoticeRefusedError extends Error {}

export interface NoticeQueue {
  /** One that was added before, also if it was sent since (for two hours), changes nothing. Throws at once while Redis is down, and where too many wait. */
  add(job: Omit<NoticeJob, "v">, delayMs: number): Promise<void>;
  /** One that is not sent yet never is. One that is being sent is left alone. Throws at once while Redis is down. */
  drop(notice: Notice): Promise<boolean>;
  /** Removes all that are for somebody, or tell of them, sent or not. Returns how many. */
  forget(user: string): Promise<number>;
}

interface NoticeQueueDeps {
  /** Seals what is queued. Default: nothing does. */
  readonly texts?: SealedTexts | undefined;
  readonly redis: Redis;
  /** Default: `notices`. */
  readonly name?: NoticeQueueName;
  /** So many wait, about, before no more are taken. Default: 50,000. */
  readonly most?: number;
  readonly log: Logger;
}

/** For who makes notices. `redis` stays its owner's. */
export function createNoticeQueue({
  redis,
  texts = plainTexts,
  name = noticeQueueName,
  most = mostQueued,
  log,
}: NoticeQueueDeps): NoticeQueue {
  const { open: opened } = createBullQueue({ name, redis, log });
  let lookedMs = -Infinity;
  let count = 0;
  const requireRoom = async (jobs: Queue): Promise<void> => {
    if (performance.now() - lookedMs >= lookEveryMs) {
      lookedMs = performance.now();
      count = await jobs.getJobCountByTypes("delayed", "waiting");
    }
    if (count >= most) throw new Error("Too many notices wait to be sent.");
  };
  return {
    async add(job, delayMs) {
      const jobs = opened();
      await requireRoom(jobs);
      const { type } = job.notice;
      const jobId = noticeIdOf(job.notice, job.device);
      await jobs.add(type, await sealNoticeJob(texts, jobId, { v: 1, ...job }), {
        jobId,
        delay: delayMs,
        attempts: tries,
        backoff: { type: "exponential", delay: backoffMs, jitter: 0.5 },
        removeOnComplete: { age: keptSeconds, count: mostKept },
        removeOnFail: { age: keptSeconds, count: mostKept },
      });
    },
    forget: (user) => forgetIn(opened(), texts, user),
    drop: async (notice) => (await opened().remove(noticeIdOf(notice))) === 1,
  };
}

const states = ["delayed", "waiting", "prioritized", "completed", "failed"] as const;
const page = 1_000;

async function forgetIn(queue: Queue, texts: SealedTexts, user: string): Promise<number> {
  let count = 0;
  for (let from = 0; from < 2 * (mostQueued + mostKept); from += page) {
    const jobs = await queue.getJobs([...states], from, from + page - 1);
    if (jobs.length === 0) break;
    for (const job of jobs) {
      // One that was removed in between is no job any more.
      if (job?.id === undefined) continue;
      const known = await openNoticeJob(texts, job.id, job.data).catch(() => undefined);
      if (!isNamedIn(known ?? job.data, user)) continue;
      await job.remove().catch(() => {});
      count++;
    }
  }
  return count;
}

export interface NoticeWorkerOptions extends RedisAddress {
  /** Opens what is queued. Default: nothing is sealed. */
  readonly texts?: SealedTexts | undefined;
  /** Default: `notices`. */
  readonly name?: NoticeQueueName;
  readonly log: Logger;
  /** Sends it under this id. What it throws has it tried again, up to five times in all, and `NoticeRefusedError` not again. A worker that is killed behind it makes that another one sends it again. */
  send(id: string, job: NoticeJob, signal: AbortSignal): Promise<void>;
  /** It was tried for the last time. */
  onGivenUp(job: NoticeJob): void;
  readonly lockDurationMs: number;
  readonly stalledIntervalMs: number;
}

export interface NoticeWorker {
  ready(): boolean;
  /** Takes no more, and waits for what is being sent, `graceMs` at most. */
  close(graceMs: number): Promise<void>;
}

const sentAtOnce = 8;
const reconnectDelayMs = 1_000;
/** Whoever has a notice may be lost so often before it is given up. */
const mostLost = 3;

/** Sends notices from the queue when they are due. Redis may come and go. */
export function startNoticeWorker(options: NoticeWorkerOptions): NoticeWorker {
  const { name = noticeQueueName, url, tls, texts = plainTexts, log, send, onGivenUp } = options;
  const { lockDurationMs: lockDuration, stalledIntervalMs: stalledInterval } = options;
  const redis = connectRedis({ url, tls, role: "worker", log });
  const process = async (job: Job, _token: string | undefined, signal: AbortSignal | undefined): Promise<void> => {
    const { id } = job;
    const notice = id === undefined ? undefined : await openNoticeJob(texts, id, job.data);
    if (notice === undefined || id === undefined || signal === undefined)
      throw new UnrecoverableError("the job is no notice as this version knows it");
    await send(id, notice, signal).catch((error: unknown) => {
      throw error instanceof NoticeRefusedError ? new UnrecoverableError(error.message) : error;
    });
  };
  const worker = new Worker(name, process, {
    ...{ connection: redis, concurrency: sentAtOnce, lockDuration, stalledInterval },
    ...{ maxStalledCount: mostLost, runRetryDelay: reconnectDelayMs },
  });
  worker.on("error", (error) => log.debug({ reason: error.message }, "the queue of notices reports an error"));
  worker.on("failed", (job, error) => {
    log.warn({ notice: job?.id, reason: error.message }, "a notice could not be sent");
    if (job?.finishedOn === undefined || job.id === undefined) return;
    // One that cannot be opened is given up as well, and nobody can say of what kind it was.
    openNoticeJob(texts, job.id, job.data).then(
      (notice) => notice && onGivenUp(notice),
      () => {},
    );
  });
  return {
    ready: () => redis.status === "ready" && worker.isRunning(),
    async close(graceMs) {
      const closed = worker.close();
      await withDeadline(closed, graceMs, "closing the queue of notices").catch(() => worker.cancelAllJobs("stopped"));
      redis.disconnect();
    },
  };
}
