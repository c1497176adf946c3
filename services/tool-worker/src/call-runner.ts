import type { JobEnd, JobRun } from "@parley/bus";
import type { ToolJob } from "@parley/protocol";
import { decide, type DecisionDeps } from "./call-decision.ts";
import { notRun, type CallEnd } from "./call-end.ts";
import { createStopper, stopByQueue } from "./execution.ts";
import type { CallMetrics } from "./metrics.ts";
import type { RunningCalls } from "./running-calls.ts";
import type { ToolRegistry } from "./tools/registry.ts";

export interface CallRunnerDeps extends DecisionDeps {
  readonly registry: ToolRegistry;
  readonly running: RunningCalls;
  readonly metrics: CallMetrics;
}

/** Runs calls as the queue hands them out, and stores what they came to. */
export function createCallRunner({ registry, calls, running, metrics, log }: CallRunnerDeps) {
  async function store(job: ToolJob, end: CallEnd): Promise<JobEnd> {
    const tool = registry.find(job.tool_name)?.definition.name;
    if (end.state !== "settled") {
      metrics.ended(tool, end.state);
      return jobEnds[end.state];
    }
    const { status, duration_ms: durationMs } = end.outcome;
    const isFirst = await calls.finish(job, end.outcome);
    metrics.ended(tool, isFirst ? status : "refused", durationMs);
    log.debug({ call: job.call_id, tool: job.tool_name, status, isFirst }, "a tool call ended");
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
          return await store(job, await decide({ job, run, tool, stopper }, { calls, log }));
        } finally {
          release();
        }
      });
    },

    /** The workers that had this call were lost, one after the other. */
    abandon(job: ToolJob): void {
      const end = notRun("failed", `${job.tool_name} was given up: the workers that ran it were lost.`);
      store(job, end).catch((err: unknown) => {
        log.error({ err, call: job.call_id }, "a call that was given up has no result");
      });
    },
  };
}

const jobEnds = { known: "done", "given back": "give back", "not mine": "not mine" } as const satisfies Record<
  Exclude<CallEnd["state"], "settled">,
  JobEnd
>;
