import { Counter, createMetrics, Gauge, Histogram } from "@parley/runtime";

export type CallMetrics = Pick<ReturnType<typeof createToolMetrics>, "ended">;

const DURATION_BUCKETS_S = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** The worker's own figures. */
export function createToolMetrics() {
  const registry = createMetrics({ service: "tool-worker" });
  const registers = [registry];
  const calls = new Counter({
    name: "parley_tool_calls_total",
    help: "Tool calls that ended here, by tool and by what became of them.",
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
  return {
    registry,
    /** `tool` is undefined for names that no tool has: the model's inventions must not become labels. */
    ended(tool: string | undefined, status: string, durationMs?: number): void {
      const label = tool ?? "unknown";
      calls.inc({ tool: label, status: status.replaceAll(" ", "_") });
      if (status === "refused") refused.inc();
      if (durationMs !== undefined) duration.observe({ tool: label }, durationMs / 1_000);
    },
    observe(running: () => number): void {
      new Gauge({
        name: "parley_tool_calls_running",
        help: "Tool calls that run here.",
        registers,
        collect() {
          this.set(running());
        },
      });
    },
  };
}
