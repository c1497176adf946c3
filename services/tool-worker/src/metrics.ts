import type { ToolJobCounts } from "@parley/bus";
import { addGauge, Counter, createMetrics, Histogram, type Registry } from "@parley/runtime";
import { addQueueFigures } from "./queue-figures.ts";

export type CallMetrics = Pick<ReturnType<typeof createToolMetrics>, "ended" | "taken" | "decided" | "unverified">;

const WAIT_BUCKETS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const DURATION_BUCKETS_S = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export interface ToolGauges {
  readonly slots: number;
  readonly running: () => number;
  /** Undefined while Redis cannot be asked. */
  readonly queue: () => ToolJobCounts | undefined;
}

/** What was decided of calls before they ran. */
function createDecisionCounters(registers: Registry[]) {
  const unverified = new Counter({
    name: "parley_tool_jobs_unverified_total",
    help: "Jobs that were dropped because no step has committed such a call, by why: somebody else than an agent worker adds them.",
    labelNames: ["why"],
    registers,
  });
  const decided = new Counter({
    name: "parley_tool_verdicts_total",
    help: "What the policy said of calls, by tool.",
    labelNames: ["tool", "decision"],
    registers,
  });
  return {
    decided: (tool: string, { decision }: { readonly decision: string }): void => decided.inc({ tool, decision }),
    unverified: (why: string): void => unverified.inc({ why }),
  };
}

/** The worker's own figures. */
export function createToolMetrics() {
  const registry = createMetrics({ service: "tool-worker" });
  const registers = [registry];
  const calls = new Counter({
    name: "parley_tool_calls_total",
    help: "Tool calls that ended here, by tool and by what became of them; `asked`: a person has to agree first.",
    labelNames: ["tool", "status"],
    registers,
  });
  const refused = new Counter({
    name: "parley_tool_results_refused_total",
    help: "Results that came after another one had been stored.",
    registers,
  });
  const duration = new Histogram({
    name: "parley_tool_call_duration_seconds",
    help: "How long tools ran.",
    labelNames: ["tool"],
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const wait = new Histogram({
    name: "parley_tool_queue_wait_seconds",
    help: "How long calls waited in the queue before a tool worker took them (clocks of two machines).",
    buckets: WAIT_BUCKETS_S,
    registers,
  });
  return {
    registry,
    /** A call was taken from the queue. */
    taken: (waitedMs: number): void => wait.observe(waitedMs / 1_000),
    ...createDecisionCounters(registers),
    /** `tool` is undefined for names that no tool has: the model's inventions must not become labels. */
    ended(tool: string | undefined, status: string, durationMs?: number): void {
      const label = tool ?? "unknown";
      calls.inc({ tool: label, status: status.replaceAll(" ", "_") });
      if (status === "refused") refused.inc();
      if (durationMs !== undefined) duration.observe({ tool: label }, durationMs / 1_000);
    },
    observe({ slots, running, queue }: ToolGauges): void {
      const gauge = (name: string, help: string, read: () => number) => addGauge(registry, name, help, read);
      gauge("parley_tool_slots", "Tool calls that may run here at once.", () => slots);
      gauge("parley_tool_calls_running", "Tool calls that run here.", running);
      addQueueFigures(registry, queue);
    },
  };
}
