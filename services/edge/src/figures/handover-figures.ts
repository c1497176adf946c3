import type { HandoverRecord } from "@parley/protocol";
import { Counter, Histogram, type Registry } from "@parley/runtime";

export type HandoverFigures = ReturnType<typeof createHandoverFigures>;

const bucketsS = [1, 5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];

/** What people do who answer in place of agents. */
export function createHandoverFigures() {
  const conflicts = new Counter({
    name: "parley_edge_handover_conflicts_total",
    help: "Conversations that somebody wanted to take who came second.",
    registers: [],
  });
  const waits = new Histogram({
    name: "parley_edge_handover_wait_seconds",
    help: "From the wish for a person to the moment at which one took the conversation here.",
    buckets: bucketsS,
    registers: [],
  });
  const durations = new Histogram({
    name: "parley_edge_handover_duration_seconds",
    help: "From the moment at which a person took a conversation to its end here: given back, or withdrawn by its user.",
    buckets: bucketsS,
    registers: [],
  });
  return {
    conflict: (): void => conflicts.inc(),
    taken: ({ asked_at, taken_at = asked_at }: HandoverRecord): void => waits.observe(seconds(taken_at - asked_at)),
    ended({ taken_at, ts }: HandoverRecord): void {
      if (taken_at !== undefined) durations.observe(seconds(ts - taken_at));
    },
    register(registry: Registry): void {
      for (const metric of [conflicts, waits, durations]) registry.registerMetric(metric);
    },
  };
}

/** Clocks of two machines. */
function seconds(ms: number): number {
  return Math.max(0, ms) / 1_000;
}
