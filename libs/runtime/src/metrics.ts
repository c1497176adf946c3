import { collectDefaultMetrics, Registry } from "prom-client";

export { Counter, Gauge, Histogram, Registry } from "prom-client";

/** The event loop is sampled this often; finer sampling costs CPU without changing what an alarm would say. */
const EVENT_LOOP_SAMPLE_MS = 10;

/** A registry with the metrics of the process itself (memory, event loop, garbage collection, handles). */
export function createMetrics({ service }: { service: string }): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
  return registry;
}
