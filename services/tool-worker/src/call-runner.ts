import type { JobEnd, JobRun } from "@parley/bus";
import type { ToolJob } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import { endOf, lostWrite, notRun, type CallEnd } from "./call-end.ts";
import type { CallLog } from "./call-log.ts";
import { createStopper, execute, stopByQueue, type Stopper } from "./execution.ts";
import type { CallMetrics } from "./metrics.ts";
import { createProgress } from "./progress.ts";
import type { RunningCalls } from "./running-calls.ts";
import type { ToolRegistry } from "./tools/registry.ts";
import type { PreparedCall, Tool } from "./tools/tool.ts";

export interface CallRunnerDeps {
  readonly registry: ToolRegistry;
  readonly calls: CallLog;
  readonly running: RunningCalls;
  readonly metrics: CallMetrics;
  readonly log: Logger;
}

export type CallRunner = ReturnType<typeof createCallRunner>;

interface Call {
  readonly job: ToolJob;
  readonly run: JobRun;
  readonly tool: Tool | undefined;
  readonly stopper: Stopper;
}

const PROGRESS_INTERVAL_MS = 200;
const OTHER_RESULT_POLL_MS = 500;

/** Runs calls as the queue hands them out, each to one of the ends of `CallEnd`. */
export function createCallRunner({ registry, calls, running, metrics, log }: CallRunnerDeps) {
  async function decide(call: Call): Promise<CallEnd> {
    const { job, tool, stopper } = call;
    const known = await calls.look(job);
    if (known === "finished") return { state: "known" };
    if (known === "cancelled" || stopper.by() === "cancelled")
      return notRun("cancelled", `${job.tool_name} was cancelled.`);
    if (tool === undefined) return notRun("failed", `There is no tool named ${job.tool_name}.`);
    const prepared = tool.prepare(job.arguments);
    if ("problem" in prepared) return notRun("failed", prepared.problem);
    if (tool.definition.effect === "write") {
      const { won, sinceMs } = await calls.begin(job);
      if (!won) return awaitOther(call, sinceMs);
    }
    return perform(call, tool, prepared);
  }

  async function perform(
    { job, stopper }: Call,
    tool: Tool,
    prepared: Extract<PreparedCall, { run: unknown }>,
  ): Promise<CallEnd> {
    const timeoutMs = Math.min(job.timeout_ms, tool.definition.timeout_ms);
    const progress = createProgress((text) => calls.progress(job, text), PROGRESS_INTERVAL_MS);
    const context = { callId: job.call_id, user: job.user, signal: stopper.signal, progress: progress.report };
    const startedAt = performance.now();
    try {
      const execution = await execute({ call: prepared, context, stopper, timeoutMs, log });
      return endOf(execution, tool.definition, timeoutMs, performance.now() - startedAt);
    } finally {
      progress.stop();
    }
  }

  /**
   * Another execution of this write began. If its worker is known to be lost, so is its outcome; else it may still run (Redis lost the
   * job, and the agent added it again), so its result gets the time that is left to it.
   */
  async function awaitOther({ job, run }: Call, sinceMs: number): Promise<CallEnd> {
    const leftMs = run.recovered ? 0 : Math.min(sinceMs + job.timeout_ms - Date.now(), job.timeout_ms);
    const deadline = performance.now() + leftMs;
    while (performance.now() < deadline) {
      if (run.closing.aborted) return { state: "given back" };
      if (await calls.hasResult(job).catch(() => false)) return { state: "known" };
      await sleep(OTHER_RESULT_POLL_MS, run.closing);
    }
    return lostWrite(job);
  }

  async function store(job: ToolJob, tool: Tool | undefined, end: CallEnd): Promise<JobEnd> {
    const name = tool?.definition.name;
    if (end.state !== "settled") {
      metrics.ended(name, end.state);
      return jobEnds[end.state];
    }
    const isFirst = await calls.finish(job, end.outcome);
    metrics.ended(name, isFirst ? end.outcome.status : "refused", end.outcome.duration_ms);
    log.debug({ call: job.call_id, tool: job.tool_name, status: end.outcome.status, isFirst }, "a tool call ended");
    return "done";
  }

  return {
    /** Throws when the broker is away for too long; the agent then adds the call again. */
    run(job: ToolJob, run: JobRun): Promise<JobEnd> {
      const tool = registry.find(job.tool_name);
      const stopper = createStopper();
      return running.track(job, stopper, async () => {
        const release = stopByQueue(stopper, tool?.definition.effect ?? "read", run);
        try {
          return await store(job, tool, await decide({ job, run, tool, stopper }));
        } finally {
          release();
        }
      });
    },

    /** The workers that had this call were lost, one after the other. */
    abandon(job: ToolJob): void {
      const end = notRun("failed", `${job.tool_name} was given up: the workers that ran it were lost.`);
      store(job, registry.find(job.tool_name), end).catch((err: unknown) => {
        log.error({ err, call: job.call_id }, "a call that was given up has no result");
      });
    },
  };
}

const jobEnds = { known: "done", "given back": "give back", "not mine": "not mine" } as const satisfies Record<
  Exclude<CallEnd["state"], "settled">,
  JobEnd
>;
