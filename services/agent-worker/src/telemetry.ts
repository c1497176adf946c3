import { createSampled, startTracing, type Tracing } from "@parley/runtime";
import { addStorageFigures, type Bus } from "@parley/bus";
import { createAgentMetrics, type AgentGauges } from "./metrics.ts";
import type { Process } from "./parts.ts";

export interface Telemetry {
  readonly metrics: ReturnType<typeof createAgentMetrics>;
  readonly tracing: Tracing;
}

const backlogEveryMs = 5_000;
const fillEveryMs = 15_000;

/** Figures and traces of this process. */
export async function startTelemetry(
  { config, log, life }: Process,
  instance: string,
  isConfigured: (model: string) => boolean,
): Promise<Telemetry> {
  const tracing = await startTracing({ service: "agent-worker", instance, settings: config, log });
  life.use("traces", tracing.close);
  return { metrics: createAgentMetrics(isConfigured), tracing };
}

/** Adds the figures that are read when somebody asks; what the broker must be asked for is looked up at intervals. */
export function observe(
  { metrics }: Telemetry,
  { log, life }: Process,
  bus: Pick<Bus, "turns" | "facts" | "eventsFill" | "unreadable" | "appendsWithoutRoom" | "keyFigures">,
  gauges: Omit<AgentGauges, "backlog" | "eventsFill" | "factsFill">,
): void {
  addStorageFigures(metrics.registry, bus);
  const backlog = createSampled({ everyMs: backlogEveryMs, read: bus.turns.backlog, log });
  life.use("the look at the queue", backlog.stop);
  const fill = createSampled({ everyMs: fillEveryMs, read: bus.eventsFill, log });
  life.use("the look at the event stream", fill.stop);
  const facts = createSampled({ everyMs: fillEveryMs, read: bus.facts.fill, log });
  life.use("the look at the facts", facts.stop);
  metrics.observe({ ...gauges, backlog: backlog.latest, eventsFill: fill.latest, factsFill: facts.latest });
}
