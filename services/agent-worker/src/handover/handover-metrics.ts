import { Counter, Gauge, type Registry } from "@parley/runtime";

/** People who were asked for, as this worker sees them. */
export function createHandoverMetrics(registry: Registry) {
  const expired = new Counter({
    name: "parley_handovers_expired_total",
    help: "Hand-overs to a person that this worker ended because their time was over: nobody came, or whoever came was silent.",
    labelNames: ["why"],
    registers: [registry],
  });
  const help = "Conversations that wait for a person (waiting) or have one (taken); the same on all workers.";
  return {
    expired: ({ ended = "" }: { readonly ended?: string | undefined }): void =>
      expired.inc({ why: ended.replaceAll(" ", "_") }),
    observe(count: (state: "waiting" | "taken") => number | undefined): void {
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
