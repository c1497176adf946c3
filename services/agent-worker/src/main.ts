import { randomUUID } from "node:crypto";
import { createLifecycle, createLogger, readConfig, runMain } from "@parley/runtime";
import { Config } from "./config.ts";
import { openModels } from "./model-parts.ts";
import { connectBus, connectTools, createNotes, createTelling, openRights, startProbes } from "./parts.ts";
import { createQueueAge } from "./queue-age.ts";
import { openCapacity, sayReady } from "./readiness.ts";
import { chosenFormat } from "./record-format.ts";
import { readStartSettings } from "./start-settings.ts";
import { observe, startTelemetry } from "./telemetry.ts";
import { openDocuments } from "./documents.ts";
import { createTurnRun } from "./turn-run.ts";
import { createTurnRunner } from "./turn-runner.ts";
import { startTurnWork } from "./turn-work.ts";
import { openUsage } from "./usage-parts.ts";
import { createWaits } from "./waits.ts";

runMain("agent-worker", async ({ env }) => {
  const config = readConfig(Config, env);
  const { provider, table, agents, guards, safety, models, ...settings } = await readStartSettings(config, env);
  const { knowledge, documents } = settings;
  const log = createLogger({ service: "agent-worker", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  await using life = createLifecycle({ log, shutdownMs: config.SHUTDOWN_MS });
  const worker = `agent-${randomUUID()}`;
  const { rightsOf, problems, quotas, isConfigured } = await openRights({ config, log, life }, models);
  const telemetry = await startTelemetry({ config, log, life }, worker, isConfigured);
  const { metrics, tracing } = telemetry;
  const { TURN_MS: turnMs, APPEND_GIVE_UP_MS: appendGiveUpMs, HISTORY_MESSAGES: historyMessages } = config;

  // First of all, so that the process can be seen to live while it waits for the broker.
  const probes = await startProbes({ config, log, life }, metrics.registry);
  const bus = await connectBus({ config, log, life }, worker);
  const tools = await connectTools({ config, log, life }, bus, { worker, metrics, provider, table, agents, documents });
  const brief = openDocuments({ config, log, life }, bus, { ...settings, provider, agents, rightsOf });
  const { format: record_format, notes } = chosenFormat(config, bus);
  const capacity = openCapacity({ config, log, life });
  const { tokenFlushMs } = capacity;
  const routes = openModels({ config, log }, { provider, table, metrics, tokenFlushMs });
  const wrong = (): string[] => [...problems(), ...knowledge.problems()];
  probes.notes = createNotes({ notes, problems: wrong, routes, agents, catalogue: tools.catalogue, facts: bus.facts });
  const usage = openUsage({ config, log, life }, bus, { redis: tools.redis, table, quotas, metrics, isConfigured });
  const parts = { provider, routes, usage, brief, safety, guards, agents, rightsOf, tools, metrics, tokenFlushMs };
  const run = createTurnRun({ config, log, life }, bus, parts);
  const telling = createTelling(metrics, tools, log);
  const waits = createWaits({ bus, log });
  const age = createQueueAge(bus.turns, config.QUEUE_AGE_MS);
  const stopping = life.signal;
  const deps = { bus, worker, run, age, waits, stopping, turnMs, appendGiveUpMs, historyMessages, tracing, log };
  const runner = createTurnRunner({ ...deps, ...telling });

  const gauges = startTurnWork({ config, log, life }, { bus, runner, waits, age, capacity, metrics });
  observe(telemetry, { config, log, life }, bus, gauges);

  probes.ready = () => [...bus.problems(), ...(life.signal.aborted ? ["The worker is stopping."] : [])];
  sayReady(log, provider, { slots: capacity.limit(), record_format });
  await life.untilStopped();
});
