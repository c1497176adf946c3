import { randomUUID } from "node:crypto";
import { createLifecycle, createLogger, readConfig, runMain } from "@parley/runtime";
import { createCancellations } from "./cancellations.ts";
import { createCapacity } from "./capacity.ts";
import { Config } from "./config.ts";
import { createEarlyEnds } from "./early-ends.ts";
import { createHandoverWatch } from "./handover/handover-watch.ts";
import { createIntake } from "./intake.ts";
import { createJanitor } from "./janitor.ts";
import { openModels } from "./model-parts.ts";
import {
  connectBus,
  connectTools,
  createNotes,
  createTelling,
  createTurnRun,
  openRights,
  startProbes,
} from "./parts.ts";
import { createQueueAge } from "./queue-age.ts";
import { chosenFormat } from "./record-format.ts";
import { readStartSettings } from "./start-settings.ts";
import { observe, startTelemetry } from "./telemetry.ts";
import { createTurnRunner } from "./turn-runner.ts";
import { openUsage } from "./usage-parts.ts";
import { createWaits } from "./waits.ts";
import { createWaking } from "./waking.ts";

const both = (one: () => void, other: () => void) => (): void => {
  one();
  other();
};

runMain("agent-worker", async ({ env }) => {
  const config = readConfig(Config, env);
  const { provider, table, agents, guards, brief, documents, safety, models } = await readStartSettings(config, env);
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
  const { format: record_format, notes } = chosenFormat(config, bus);
  const capacity = createCapacity(config);
  life.use("the look at the load", capacity.stop);
  const { slots, tokenFlushMs } = capacity;
  const routes = openModels({ config, log }, { provider, table, metrics, tokenFlushMs });
  probes.notes = createNotes({ notes, problems, routes, agents, catalogue: tools.catalogue, facts: bus.facts });
  const usage = openUsage({ config, log, life }, bus, { redis: tools.redis, table, quotas, metrics, isConfigured });
  const parts = { provider, routes, usage, brief, safety, guards, agents, rightsOf, tools, metrics, tokenFlushMs };
  const run = createTurnRun({ config, log, life }, bus, parts);
  const { onWoken, ...telling } = createTelling(metrics, tools, log);
  const [waits, age] = [createWaits({ bus, log }), createQueueAge(bus.turns, config.QUEUE_AGE_MS)];
  const { signal: stopping } = life;
  const deps = { bus, worker, run, age, waits, stopping, turnMs, appendGiveUpMs, historyMessages, tracing, log };
  const runner = createTurnRunner({ ...deps, ...telling });

  const earlyEnds = createEarlyEnds({ bus, runner, age, stopping, log });
  const cancellations = createCancellations({ bus, shards: config.SHARDS, runner, log });
  life.use("cancellations", cancellations.close);
  const { JANITOR_MS: everyMs, ACK_WAIT_MS: ackWaitMs } = config;
  const janitor = createJanitor({
    ...{ bus, runner, earlyEnds, waits, slots, age, everyMs, ackWaitMs, turnMs, log },
    onFinding: metrics.janitorFound,
  });
  life.use("the janitor", janitor.close);
  const { handoverExpired: onExpired } = metrics;
  const people = createHandoverWatch({ handovers: bus.handovers, everyMs, onExpired, log });
  life.use("the hand-overs", people.close);
  const intake = createIntake({
    ...{ bus, runner, earlyEnds, waits, age, slots, stopping, log },
    maxParked: config.MAX_PARKED,
    ackWaitMs,
  });
  life.use("answers about turns", bus.agents.answer(intake.has));
  const waking = createWaking({ bus, ackWaitMs, stopping, onWoken: both(capacity.expectOne, onWoken), log });
  life.use("running turns", async () => void (await Promise.all([intake.stop(), waking.stop()])));
  const gauges = { slots: capacity.limit, running: runner.running, parked: intake.parked, queued: intake.queued };
  metrics.observePeople(people.count);
  observe(telemetry, { config, log, life }, bus, gauges);

  probes.ready = () => [...bus.problems(), ...(life.signal.aborted ? ["The worker is stopping."] : [])];
  const told = { model: provider.model, provider: provider.name, slots: capacity.limit(), record_format };
  log.info(told, "the agent worker is ready");
  await life.untilStopped();
});
