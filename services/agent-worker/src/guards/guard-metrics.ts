import { Counter, type Registry } from "@parley/runtime";

/** What guards have stopped. */
export function createGuardMetrics(registry: Registry) {
  const registers = [registry];
  const blocked = new Counter({
    name: "parley_guard_blocked_total",
    help: "Messages (input) and answers (output) that a guard has stopped.",
    labelNames: ["guard", "side"],
    registers,
  });
  const failed = new Counter({
    name: "parley_guard_failures_total",
    help: "Times that a guard's endpoint did not say whether a text may pass.",
    labelNames: ["guard"],
    registers,
  });
  return {
    blocked: (guard: string, side: string): void => blocked.inc({ guard, side }),
    failed: (guard: string): void => failed.inc({ guard }),
  };
}
