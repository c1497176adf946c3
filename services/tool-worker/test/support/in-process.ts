import type { JobEnd, JobRun } from "@parley/bus";
import { createMay, RightsByRole, type May, type ToolJob } from "@parley/protocol";
import { createLogger, startTracing } from "@parley/runtime";
import { createAudit } from "../../src/audit.ts";
import { createCallLog } from "../../src/call-log.ts";
import { createCallRunner } from "../../src/call-runner.ts";
import { createToolMetrics } from "../../src/metrics.ts";
import { createCommittedCalls } from "../../src/committed-calls.ts";
import type { Policy } from "../../src/policy/live-policy.ts";
import { PolicyFile } from "../../src/policy/policy-file.ts";
import { decide } from "../../src/policy/verdict.ts";
import { createRunningCalls } from "../../src/running-calls.ts";
import { createToolFiles } from "../../src/tool-files.ts";
import { createToolRegistry } from "../../src/tools/registry.ts";
import type { Tool } from "../../src/tools/tool.ts";
import type { Agent } from "./agent.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

const everything = createMay(RightsByRole.parse({}));

const noRules: Policy = { decide: (question) => decide(PolicyFile.parse({}), question) };

export interface RunnerOptions {
  readonly approvalTtlMs?: number;
  readonly may?: May;
  readonly policy?: Policy;
  readonly withArguments?: boolean;
}

/** The parts of a tool worker without its process and queue: for tools that no worker offers. */
export async function startRunner(
  agent: Agent,
  tools: readonly Tool[],
  { approvalTtlMs = 60_000, may = everything, policy = noRules, withArguments = false }: RunnerOptions = {},
) {
  // As a process does at its start: who finds it missing makes it, and tries again after a second.
  await agent.bus.audit.setUp().catch(() => {});
  const running = createRunningCalls();
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: undefined, TRACES_FILE: undefined, TRACES_SAMPLE_RATIO: 1 };
  const runner = createCallRunner({
    registry: createToolRegistry(tools),
    keepFiles: createToolFiles({ bus: agent.bus, log }),
    calls: createCallLog({ bus: agent.bus, worker: "in-process", log }),
    ...{ may, policy },
    committed: createCommittedCalls(agent.bus),
    audit: createAudit({ bus: agent.bus, worker: "in-process", withArguments, log }),
    running,
    metrics: createToolMetrics(),
    tracing: await startTracing({ service: "test", instance: "1", settings, log }),
    approvalTtlMs,
    log,
  });
  return {
    running,
    abandon(job: ToolJob, of: Pick<JobRun, "go">): void {
      agent.commit(job).then(
        (committed) => runner.abandon(committed, of),
        () => {},
      );
    },
    run: async (job: ToolJob, run: Partial<JobRun> = {}): Promise<JobEnd> =>
      runner.run(await agent.commit(job), {
        ...{ go: false, recovered: false, waitedMs: 0 },
        ...{ closing: new AbortController().signal, signal: new AbortController().signal, ...run },
      }),
  };
}
