import { Counter, Gauge, Histogram, type Registry } from "@parley/runtime";
import type { BreakerState } from "./model-routes/circuit-breaker.ts";
import type { Choice, HedgeResult } from "./model-routes/model-order.ts";
import type { ModelRoutes } from "./model-routes/model-routes.ts";

const waitBucketsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const stateValues: Readonly<Record<BreakerState, number>> = { closed: 0, "half-open": 0.5, open: 1 };

/** Figures of models that have others in their place, and of servers with places. All labels are names of the operator's own files. */
export function createModelRouteMetrics(registry: Registry) {
  const registers = [registry];
  const fallbacks = new Counter({
    name: "parley_model_fallbacks_total",
    help: "Answers that another model went on with, by the model that did not: code is that of its failure, open (it was left alone) or quicker (the other one was).",
    labelNames: ["model", "code"],
    registers,
  });
  const hedges = new Counter({
    name: "parley_model_hedges_total",
    help: "Second requests beside a model that said nothing for hedge_after_ms, by which of the two was quicker.",
    labelNames: ["model", "won"],
    registers,
  });
  const waits = new Histogram({
    name: "parley_model_queue_wait_seconds",
    help: "How long requests waited for a place at a server, of those that had to; also those that gave up.",
    labelNames: ["server"],
    buckets: waitBucketsS,
    registers,
  });
  return {
    chosen: ({ from, why }: Choice): void => fallbacks.inc({ model: from, code: why }),
    hedged: ({ first, won }: HedgeResult): void => hedges.inc({ model: first.name, won }),
    waited: (server: string, ms: number): void => waits.observe({ server }, ms / 1_000),
    observe: (routes: Pick<ModelRoutes, "breakers" | "places">): void => observe(registry, routes),
  };
}

function observe(registry: Registry, { breakers, places }: Pick<ModelRoutes, "breakers" | "places">): void {
  const gauge = (
    [name, help, label]: readonly [string, string, string],
    read: () => Iterable<readonly [string, number]>,
  ) =>
    new Gauge({
      ...{ name, help, labelNames: [label], registers: [registry] },
      collect() {
        this.reset();
        for (const [value, figure] of read()) this.set({ [label]: value }, figure);
      },
    });
  gauge(
    [
      "parley_model_breaker_state",
      "1: the model is left alone; 0.5: the next request tries it; 0: it is asked.",
      "model",
    ],
    () => breakers().map(([name, state]) => [name, stateValues[state]] as const),
  );
  gauge(["parley_model_queue_waiting", "Requests that wait here for a place at a server.", "server"], () =>
    [...places()].map(([name, { waiting }]) => [name, waiting()] as const),
  );
  gauge(["parley_model_requests_open", "Requests that hold a place at a server with a limit.", "server"], () =>
    [...places()].map(([name, { open }]) => [name, open()] as const),
  );
}
