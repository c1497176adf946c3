import { addAuditFigures, addStorageFigures } from "@parley/bus";
import { createLogger, createMetrics, type Registry } from "@parley/runtime";
import { createAgentMetrics } from "../../services/agent-worker/src/metrics.ts";
import { addKeyMetrics } from "../../services/edge/src/admission/api-keys.ts";
import { startTokens } from "../../services/edge/src/admission/tokens.ts";
import { createNoticeFigures as createEdgeNoticeFigures } from "../../services/edge/src/commands/notices/notice-figures.ts";
import { createGateFigures } from "../../services/edge/src/figures/gate-figures.ts";
import { addPrivacyFigures } from "../../services/edge/src/figures/privacy-figures.ts";
import { addEdgeMetrics, createCounters } from "../../services/edge/src/figures/metrics.ts";
import { createAdminRoutes } from "../../services/edge/src/transport/admin-routes.ts";
import { createUsageMetrics } from "../../services/agent-worker/src/usage/usage-metrics.ts";
import { createClusterFigures } from "../../services/tool-worker/src/kubernetes/cluster-metrics.ts";
import { createNoticeFigures } from "../../services/tool-worker/src/notices/figures.ts";
import { createToolMetrics } from "../../services/tool-worker/src/metrics.ts";

const unknown = (): undefined => undefined;
const zero = (): number => 0;

function registries(): Record<string, Registry> {
  const edge = createMetrics({ service: "edge" });
  addEdgeMetrics(edge, createCounters(), {
    sockets: zero,
    maxSockets: 0,
    hubs: () => ({ hubs: 0, viewers: 0 }),
    load: () => ({ lagMs: 0, queueAgeMs: 0, opening: 0 }),
    outbox: () => ({ laggards: 0, bufferedBytes: 0 }),
  });
  const log = createLogger({ service: "edge", level: "silent", format: "json" });
  startTokens({ registry: edge, log });
  addKeyMetrics(edge, {
    outcomes: { accepted: 0, mistyped: 0, unknown: 0, expired: 0, elsewhere: 0 },
    lastUsed: new Map(),
  });
  createGateFigures().addTo(edge, { revocations: zero, revocationsAgeMs: zero, blocks: zero });
  createEdgeNoticeFigures(edge);
  addPrivacyFigures(edge, { state: () => ({ isWorking: false, open: [] }), sweep: { behindMs: zero } });
  createAdminRoutes({ adminToken: undefined, registry: edge, log });
  const agent = createAgentMetrics();
  agent.observe({
    slots: zero,
    running: zero,
    parked: zero,
    queued: zero,
    backlog: unknown,
    eventsFill: unknown,
    factsFill: unknown,
  });
  agent.observeRoutes({ breakers: () => [], places: () => new Map() });
  agent.observePeople(unknown);
  createUsageMetrics(agent.registry, () => false).observe({ lost: zero, isShared: () => true });
  const tool = createToolMetrics();
  tool.observe({ slots: 0, running: zero, queue: unknown });
  createClusterFigures(tool.registry).watch([]);
  createNoticeFigures(tool.registry);
  const all = { edge, "agent worker": agent.registry, "tool worker": tool.registry };
  const counts = { event: 0, turn: 0, record: 0, owner: 0, fact: 0, audit: 0 };
  const none = { said: 0, begun: 0, result: 0, cancel: 0, asked: 0, decided: 0, like: 0, wait: 0, ack: 0 };
  const facts = { written: none, refused: none, withoutRoom: 0, read: 0 };
  for (const registry of Object.values(all))
    addStorageFigures(registry, {
      unreadable: { counts },
      facts: { counts: facts },
      keyFigures: {
        cached: () => 0,
        keys: { made: 0, unwrapped: 0, unwrapErrors: 0 },
        notOpened: { erased: 0, broken: 0, unavailable: 0 },
      },
      appendsWithoutRoom: zero,
    });
  const audit = { written: new Map(), lost: new Map() };
  for (const registry of [edge, tool.registry]) addAuditFigures(registry, { counts: () => audit });
  return all;
}

/** Label names are in the metrics, but not in the type that the registry gives them. */
function labelsOf(metric: object): string {
  const names: unknown = "labelNames" in metric ? metric.labelNames : [];
  return Array.isArray(names) ? names.map((name) => `\`${String(name)}\``).join(", ") : "";
}

/** Every figure of Parley's own, from the registries of the processes, as the table of docs/telemetry.md. */
export function metricTable(): string[] {
  const rows = Object.entries(registries()).flatMap(([process, registry]) =>
    registry
      .getMetricsAsArray()
      .filter(({ name }) => name.startsWith("parley_"))
      .toSorted((one, other) => one.name.localeCompare(other.name))
      .map((metric) => `| \`${metric.name}\` | ${process} | ${metric.type} | ${labelsOf(metric)} | ${metric.help} |`),
  );
  return ["| name | process | type | labels | meaning |", "|---|---|---|---|---|", ...rows];
}
