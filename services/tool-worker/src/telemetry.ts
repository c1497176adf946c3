import { createToolQueue, redisAddress } from "@parley/bus";
import { createSampled, startTracing, type Lifecycle, type Logger, type Tracing } from "@parley/runtime";
import type { Config } from "./config.ts";
import { createToolMetrics } from "./metrics.ts";

export interface TelemetryDeps {
  readonly config: Config;
  readonly log: Logger;
  readonly life: Lifecycle;
}

export interface Telemetry {
  readonly metrics: ReturnType<typeof createToolMetrics>;
  readonly tracing: Tracing;
}

const queueEveryMs = 5_000;

/** Figures and traces of this process. */
export async function startTelemetry({ config, log, life }: TelemetryDeps, instance: string): Promise<Telemetry> {
  const tracing = await startTracing({ service: "tool-worker", instance, settings: config, log });
  life.use("traces", tracing.close);
  return { metrics: createToolMetrics(), tracing };
}

/** Adds the figures that are read when somebody asks; what Redis must be asked for is looked up at intervals. */
export function observe({ metrics }: Telemetry, { config, log, life }: TelemetryDeps, running: () => number): void {
  const queue = createToolQueue({ ...redisAddress(config), log });
  const counts = createSampled({ everyMs: queueEveryMs, read: queue.counts, log });
  life.use("the look at the queue", () => {
    counts.stop();
    return queue.close();
  });
  metrics.observe({ slots: config.CONCURRENCY, running, queue: counts.latest });
}
