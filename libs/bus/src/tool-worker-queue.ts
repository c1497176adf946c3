import { setMaxListeners } from "node:events";
import { toolJobId, toolQueueName, type ToolJob } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import { UnrecoverableError, WaitingError, Worker, type Job } from "bullmq";
import { startNewcomerSlots } from "./newcomer-slots.ts";
import { connectRedis, type RedisAddress } from "./redis.ts";
import { openToolJob } from "./sealed-jobs.ts";
import { plainTexts, type SealedTexts } from "./sealed-texts.ts";

/** Why a running job is interrupted: reason of its signal. */
export type JobInterruption =
  /** The lock is gone, so another worker may have the job: Redis lost its data, or this process stood still for too long. */
  | "lock lost"
  /** This worker is closing and the time for running jobs is over. */
  | "stopped";

/** `give back`: not finished here; another worker gets the job at once. `not mine`: its lock was lost, so it is left as it is. */
export type JobEnd = "done" | "give back" | "not mine";

export interface JobRun {
  /** Added as one that a person has agreed to. */
  readonly go: boolean;
  /** An earlier worker had this job and was lost, or stood still for longer than its lock. */
  readonly recovered: boolean;
  /** From the agent's adding it to its being taken here (clocks of two machines). */
  readonly waitedMs: number;
  /** Aborted when this worker closes: what may run elsewhere can be given back now. Before that it would only come back here. */
  readonly closing: AbortSignal;
  /** Aborted with a `JobInterruption` as reason. */
  readonly signal: AbortSignal;
}

export interface ToolWorkerOptions extends RedisAddress {
  /** Opens what is queued. Default: nothing is sealed. */
  readonly texts?: SealedTexts | undefined;
  readonly concurrency: number;
  readonly log: Logger;
  /** What it throws is logged; the job has then failed for Redis, and the agent may add it again. */
  run(job: ToolJob, run: JobRun): Promise<JobEnd>;
  /** The worker was lost twice with this job. It is not tried again. */
  onAbandoned(job: ToolJob, of: Pick<JobRun, "go">): void;
  /** Must be the same in all workers of a queue, as the check for lost workers is shared by them. */
  readonly lockDurationMs?: number;
  readonly stalledIntervalMs?: number;
}

export interface ToolWorker {
  ready(): boolean;
  /** Takes no more jobs and waits for those that run; after `graceMs` they are interrupted. */
  close(graceMs: number): Promise<void>;
}

/** A lost worker is noticed after the lock and one check: 25 s at most. */
const LOCK_DURATION_MS = 20_000;
const STALLED_INTERVAL_MS = 5_000;
/** Tries within the time of one lock. */
const LOCK_RENEWALS = 4;
/** BullMQ's own 15 s would be most of a tool's deadline. */
const RECONNECT_DELAY_MS = 1_000;
/** What interrupted jobs get to store their results. */
const INTERRUPTED_MS = 2_000;

/** Runs tool calls from the queue, `concurrency` at a time. Redis may come and go. */
export function startToolWorker(options: ToolWorkerOptions): ToolWorker {
  const { url, tls, concurrency, log, lockDurationMs: lockMs = LOCK_DURATION_MS } = options;
  const redis = connectRedis({ url, tls, role: "worker", log });
  const closing = new AbortController();
  // One listener per running job, however many those are.
  setMaxListeners(0, closing.signal);
  const locks: RunningJobs = new Map();
  const worker = new Worker(toolQueueName, createProcessor(options, locks, closing.signal), {
    connection: redis,
    concurrency,
    lockDuration: lockMs,
    // BullMQ measures by the wall clock when a lock is due, and would let all of them run out when that is set back.
    skipLockRenewal: true,
    stalledInterval: options.stalledIntervalMs ?? STALLED_INTERVAL_MS,
    maxStalledCount: 1,
    runRetryDelay: RECONNECT_DELAY_MS,
  });
  // The connection itself says when Redis goes and comes back.
  worker.on("error", (error) => {
    log[redis.status === "ready" ? "warn" : "debug"]({ reason: error.message }, "the tool queue reports an error");
  });
  const renewing = renewLocks({ worker, locks, lockMs, log });
  const running = (): string[] => [...locks.values()].map(({ user }) => user);
  const newcomers = startNewcomerSlots({ redis, worker, slots: concurrency, running, log });
  worker.on("failed", (job, error) => reportFailure(job, error, options));

  return {
    ready: () => redis.status === "ready" && worker.isRunning() && !worker.isPaused(),
    async close(graceMs) {
      const closed = Promise.all([worker.close(), newcomers.close()]);
      closing.abort();
      if (!(await settlesWithin(closed, graceMs))) {
        const reason: JobInterruption = "stopped";
        worker.cancelAllJobs(reason);
        // Without Redis the jobs can end but their records cannot be moved, and closing would wait for that.
        await settlesWithin(closed, INTERRUPTED_MS);
      }
      clearInterval(renewing);
      redis.disconnect();
    },
  };
}

/** The jobs that run here, by id: the token of each one's lock, and whose it is. */
type RunningJobs = Map<string, { readonly token: string; readonly user: string }>;

interface Renewal {
  readonly worker: Worker;
  readonly locks: Readonly<RunningJobs>;
  readonly lockMs: number;
  readonly log: Logger;
}

/** Keeps the locks of running jobs, and interrupts a job whose lock is gone. */
function renewLocks({ worker, locks, lockMs, log }: Renewal): NodeJS.Timeout {
  const renew = async (): Promise<void> => {
    const ids = [...locks.keys()];
    const tokens = [...locks.values()].map(({ token }) => token);
    const lost = await worker.extendJobLocks(ids, tokens, lockMs);
    const reason: JobInterruption = "lock lost";
    // One that has ended meanwhile has no lock either.
    for (const id of lost) if (locks.has(id)) worker.cancelJob(id, reason);
  };
  return setInterval(() => {
    if (locks.size === 0) return;
    renew().catch((err: unknown) => log.debug({ err }, "the locks of running jobs could not be renewed yet"));
  }, lockMs / LOCK_RENEWALS);
}

interface Taken {
  readonly token: string;
  readonly signal: AbortSignal;
}

function createProcessor({ run, texts = plainTexts }: ToolWorkerOptions, locks: RunningJobs, closing: AbortSignal) {
  // BullMQ looks at the number of parameters: a processor with less than three gets no signal.
  return async (job: Job, token: string | undefined, signal: AbortSignal | undefined): Promise<void> => {
    if (signal === undefined || token === undefined || job.id === undefined)
      throw new Error("BullMQ gave no signal, token or id to the job.");
    const call = await openToolJob(texts, job.id, job.data);
    if (call === undefined) throw new UnrecoverableError("the job is not a tool call as this version knows it");
    locks.set(job.id, { token, user: call.user.id });
    try {
      await runCall(call, job, { token, signal });
    } finally {
      locks.delete(job.id);
    }
  };

  async function runCall(call: ToolJob, job: Job, { token, signal }: Taken): Promise<void> {
    // A closing worker can still fetch one job: the one it just gave back woke its own blocked fetch.
    const attempt = { go: isGo(job, call), recovered: job.stalledCounter > 0, waitedMs: waitedMsOf(job) };
    const end = closing.aborted ? "give back" : await run(call, { ...attempt, closing, signal });
    if (end === "done") return;
    if (end === "give back") await giveBack(job, token);
    // BullMQ's word for: this worker has nothing more to do with the job.
    throw new WaitingError();
  }
}

/** Before all others: it has had its turn. Where BullMQ puts a job back by its priority, it tells no worker that waits. */
async function giveBack(job: Job, token: string): Promise<void> {
  await job.changePriority({ priority: 0 });
  await job.moveToWait(token);
}

function isGo({ id }: Job, { call_id }: ToolJob): boolean {
  return id === toolJobId(call_id, true);
}

function waitedMsOf({ timestamp, processedOn }: Job): number {
  return Math.max(0, (processedOn ?? Date.now()) - timestamp);
}

/** BullMQ's own words for a job whose workers were lost too often. */
const ABANDONED = "job stalled more than allowable limit";

function reportFailure(job: Job | undefined, error: Error, options: ToolWorkerOptions): void {
  const { log, onAbandoned, texts = plainTexts } = options;
  log.warn({ callId: job?.id, reason: error.message }, "a tool job failed");
  if (job?.id === undefined || error.message !== ABANDONED) return;
  openToolJob(texts, job.id, job.data).then(
    (call) => call && onAbandoned(call, { go: isGo(job, call) }),
    (err: unknown) => log.error({ err, callId: job.id }, "a lost call cannot be read: its turn ends with its deadline"),
  );
}

async function settlesWithin(promise: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  return withDeadline(promise, deadlineMs, "closing the tool worker").then(
    () => true,
    () => false,
  );
}
