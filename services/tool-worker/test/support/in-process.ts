import type { JobEnd, JobRun } from "@parley/bus";
import { createMay, RightsByRole, type May, type ToolJob } from "@parley/protocol";
import { createLogger, startTracing } from "@parley/runtime";
import { createCallLog } from "../../src/call-log.ts";
import { createCallRunner } from "../../src/call-runner.ts";
import { createToolMetrics } from "../../src/metrics.ts";
import { createRunningCalls } from "../../src/running-calls.ts";
import { createToolRegistry } from "../../src/tools/registry.ts";
import type { Tool } from "../../src/tools/tool.ts";
import type { Agent } from "./agent.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

const everything = createMay(RightsByRole.parse({}));

/** The parts of a tool worker without its process and queue: for tools that no worker offers. */
export async function startRunner(
  agent: Agent,
  tools: readonly Tool[],
  { approvalTtlMs = 60_000, may = everything }: { approvalTtlMs?: number; may?: May } = {},
) {
  const running = createRunningCalls();
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: undefined, TRACES_FILE: undefined, TRACES_SAMPLE_RATIO: 1 };
  const runner = createCallRunner({
    registry: createToolRegistry(tools),
    calls: createCallLog({ bus: agent.bus, worker: "in-process", log }),
    may,
    running,
    metrics: createToolMetrics(),
    tracing: await startTracing({ service: "test", instance: "1", settings, log }),
    approvalTtlMs,
    log,
  });
  return {
    running,
    abandon: runner.abandon,
    run: (job: ToolJob, run: Partial<JobRun> = {}): Promise<JobEnd> =>
      runner.run(job, {
        ...{ go: false, recovered: false, waitedMs: 0 },
        ...{ closing: new AbortController().signal, signal: new AbortController().signal, ...run },
      }),
  };
}
