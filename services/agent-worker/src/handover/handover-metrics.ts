import { Counter, Gauge, type Registry } from "@parley/runtime";

export interface EndedHandover {
  readonly ended?: string | undefined;
}

/** Conversations that people have in place of agents. `harmless`: what keeps a figure from hurting a turn. */
export function createHandoverMetrics(
  registry: Registry,
  harmless: (count: (handover: EndedHandover) => void) => (handover: EndedHandover) => void,
) {
  const expired = new Counter({
    name: "parley_handovers_expired_total",
    help: "Hand-overs to a person that this worker ended because their time was over: nobody came, or whoever came was silent.",
    labelNames: ["why"],
    registers: [registry],
  });
  const help = "Conversations that wait for a person (waiting) or have one (taken); the same on all workers.";
  return {
    handoverExpired: harmless(({ ended = "" }) => expired.inc({ why: ended.replaceAll(" ", "_") })),
    observePeople(count: (state: "waiting" | "taken") => number | undefined): void {
      const gauge: Gauge = new Gauge({
        name: "parley_handovers_open",
        help,
        labelNames: ["state"],
        registers: [registry],
        collect() {
          for (const state of ["waiting", "taken"] as const) gauge.set({ state }, count(state) ?? Number.NaN);
        },
      });
    },
  };
}
