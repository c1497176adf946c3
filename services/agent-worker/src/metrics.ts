import { Counter, Gauge, createMetrics } from "@parley/runtime";
import type { JanitorFinding } from "./janitor.ts";
import type { TurnResult } from "./turn-runner.ts";

export interface AgentGauges {
  readonly running: () => number;
  readonly parked: () => number;
}

/** The worker's own figures. Nothing is counted per token. */
export function createAgentMetrics() {
  const registry = createMetrics({ service: "agent-worker" });
  const turns = new Counter({
    name: "parley_turns_total",
    help: "Turns that were settled by this worker, by what became of them.",
    labelNames: ["result"],
    registers: [registry],
  });
  const findings = new Counter({
    name: "parley_janitor_findings_total",
    help: "Turns that nobody would have looked after again, by what was wrong.",
    labelNames: ["finding"],
    registers: [registry],
  });
  return {
    registry,
    janitorFound: (finding: JanitorFinding): void => findings.inc({ finding: finding.replace(" ", "_") }),
    turnSettled: (result: TurnResult): void => turns.inc({ result: result.replace(" ", "_") }),
    observe({ running, parked }: AgentGauges): void {
      const gauge = (name: string, help: string, read: () => number) =>
        new Gauge({
          name,
          help,
          registers: [registry],
          collect() {
            this.set(read());
          },
        });
      gauge("parley_turns_running", "Turns that run here.", running);
      gauge("parley_turns_parked", "Turns that wait here for an earlier one of their conversation.", parked);
    },
  };
}
