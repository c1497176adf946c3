import type { JobEnd, JobRun } from "@parley/bus";
import { toolQueueName, type ToolJob } from "@parley/protocol";
import { traceNames, type TraceSpan, type Tracing } from "@parley/runtime";
import type { ApprovalLog } from "./approval-log.ts";
import { idsOf } from "./call-ids.ts";
import type { Licence } from "./call-log.ts";
import { decide, type DecisionDeps } from "./call-decision.ts";
import { lostWrite, notRun, type CallEnd } from "./call-end.ts";
import { createStopper, stopByQueue } from "./execution.ts";
import type { CallMetrics } from "./metrics.ts";
import type { RunningCalls } from "./running-calls.ts";
import type { ToolRegistry } from "./tools/registry.ts";

export interface CallRunnerDeps extends Omit<DecisionDeps, "onVerdict"> {
  readonly registry: ToolRegistry;
  readonly running: RunningCalls;
  readonly metrics: CallMetrics;
  readonly tracing: Tracing;
  /** A person is asked about a call; may come more than once. Absent: nobody wants to know. */
  readonly onAsked?: ((job: ToolJob) => void) | undefined;
}

/** Runs calls as the queue hands them out, and stores what they came to. */
export function createCallRunner({ registry, running, metrics, tracing, onAsked, ...deps }: CallRunnerDeps) {
  const { calls, log } = deps;

  async function store(job: ToolJob, end: CallEnd): Promise<JobEnd> {
    const tool = registry.find(job.tool_name)?.definition.name;
    if (end.state === "not committed") {
      metrics.unverified(end.why);
      log.warn({ ...idsOf(job), why: end.why }, "a job is no call that a step has committed: it was dropped");
    }
    if (end.state !== "settled") {
      metrics.ended(tool, end.state);
      if (end.state === "asked") onAsked?.(job);
      return jobEnds[end.state];
    }
    const { status, duration_ms: durationMs } = end.outcome;
    const isFirst = await calls.finish(job, end.outcome);
    metrics.ended(tool, isFirst ? status : "refused", durationMs);
    log.debug({ ...idsOf(job), tool: job.tool_name, status, isFirst }, "a tool call ended");
    return "done";
  }

  const giveUp = createGivingUp({ registry, store, ...deps });

  return {
    /** Throws when the broker is away for too long; the agent then adds the call again. */
    run(job: ToolJob, run: JobRun): Promise<JobEnd> {
      const tool = registry.find(job.tool_name);
      const stopper = createStopper();
      return running.track(job, stopper, async () => {
        const release = stopByQueue(stopper, tool?.definition.effect ?? "read", run);
        const span = jobSpan(tracing, job, run);
        metrics.taken(run.waitedMs);
        try {
          const end = await decide({ job, run, tool, stopper, span }, { ...deps, onVerdict: metrics.decided });
          span.set({ [traceNames.toolStatus]: end.state === "settled" ? end.outcome.status : end.state });
          return await store(job, end);
        } finally {
          release();
          span.end();
        }
      });
    },

    /** The workers that had this call were lost, one after the other. */
    abandon(job: ToolJob, of: Pick<JobRun, "go">): void {
      giveUp(job, of).catch((err: unknown) => {
        log.error({ err, ...idsOf(job) }, "a call that was given up has no result");
      });
    },
  };
}

type GivingUpDeps = Pick<CallRunnerDeps, "registry" | "committed" | "calls" | "audit"> & {
  readonly store: (job: ToolJob, end: CallEnd) => Promise<JobEnd>;
};

/** Ends a call of which nobody will bring a result. */
function createGivingUp({ registry, committed, calls, audit, store }: GivingUpDeps) {
  return async (job: ToolJob, { go }: Pick<JobRun, "go">): Promise<void> => {
    const verified = await committed.verify(job, { go });
    if (verified.state === "not committed") return void (await store(job, verified));
    const definition = registry.find(job.tool_name)?.definition;
    if (!go && definition?.approval !== undefined && (await isAsked(job, calls.approvals))) return;
    const isCertain = definition?.effect === "read" || isNeverRun(await calls.begin(job));
    const text = `${job.tool_name} was given up: the workers that ran it were lost.`;
    const end = isCertain ? notRun("failed", text) : lostWrite(job);
    if (end.state === "settled") audit.ended({ job: verified.job, tool: definition }, end.outcome);
    await store(job, end);
  };
}

/** Whoever has the licence of a write knows that it never ran, and never will. */
function isNeverRun(licence: Licence): boolean {
  return licence === "barred" || (licence !== "no room" && licence.won);
}

/** A question that was asked stands, whatever became of those who asked it. */
async function isAsked(job: ToolJob, approvals: ApprovalLog): Promise<boolean> {
  const { asked, decided } = await approvals.read(job);
  if (asked?.fact.kind !== "asked") return false;
  if (decided === undefined) await approvals.tell(job, asked.fact);
  return true;
}

function jobSpan(tracing: Tracing, job: ToolJob, { waitedMs, recovered }: JobRun): TraceSpan {
  return tracing.start({
    name: `process ${toolQueueName}`,
    kind: "consumer",
    parent: job.trace,
    attributes: {
      [traceNames.messagingSystem]: "bullmq",
      [traceNames.messagingOperation]: "process",
      [traceNames.messagingOperationType]: "process",
      [traceNames.destination]: toolQueueName,
      [traceNames.messageId]: job.call_id,
      [traceNames.conversation]: job.conversation_id,
      [traceNames.turn]: job.turn_id,
      [traceNames.toolCall]: job.call_id,
      [traceNames.queueWait]: waitedMs / 1_000,
      ...(recovered ? { [traceNames.recovered]: true } : {}),
    },
  });
}

const jobEnds = {
  ...{ known: "done", asked: "done", denied: "done", "not asked": "done", "not committed": "done" },
  "given back": "give back",
  "not mine": "not mine",
} as const satisfies Record<Exclude<CallEnd["state"], "settled">, JobEnd>;
