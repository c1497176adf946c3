import { randomUUID } from "node:crypto";
import { connectRedis, createToolCatalogue, createToolQueue, openBus } from "@parley/bus";
import { createLifecycle, createLogger, readConfig, runMain, startAdmin } from "@parley/runtime";
import { createCancellations } from "./cancellations.ts";
import { Config } from "./config.ts";
import { createIntake } from "./intake.ts";
import { createJanitor } from "./janitor.ts";
import { createAgentMetrics } from "./metrics.ts";
import { createModelStep } from "./model-step.ts";
import { createModelClient } from "./model/model-client.ts";
import { providerFrom } from "./model/provider.ts";
import { defaultSystemPrompt } from "./system-prompt.ts";
import { createToolCalls } from "./tool-calls.ts";
import { createTurnRunner } from "./turn-runner.ts";
import { createTurn } from "./turn.ts";

runMain("agent-worker", async ({ env }) => {
  const config = readConfig(Config, env);
  const provider = providerFrom(config);
  const log = createLogger({ service: "agent-worker", level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  const life = createLifecycle({ log, shutdownMs: config.SHUTDOWN_MS });
  const worker = `agent-${randomUUID()}`;
  const metrics = createAgentMetrics();

  const bus = await openBus({
    servers: config.NATS_URL,
    name: worker,
    shards: config.SHARDS,
    replicas: config.STREAM_REPLICAS,
    ackWaitMs: config.ACK_WAIT_MS,
    log,
  });
  life.use("the broker connection", bus.close);
  const redis = connectRedis({ url: config.REDIS_URL, role: "cache", log });
  life.use("Redis", () => redis.disconnect());
  const queue = createToolQueue({ url: config.REDIS_URL, log });
  life.use("the tool queue", queue.close);

  const model = createModelClient({
    provider,
    idleMs: config.MODEL_IDLE_MS,
    firstTokenMs: config.MODEL_FIRST_TOKEN_MS,
    log,
  });
  const run = createTurn({
    bus,
    modelStep: createModelStep({
      model,
      systemPrompt: config.SYSTEM_PROMPT ?? defaultSystemPrompt,
      contextBytes: config.CONTEXT_BYTES,
    }),
    toolCalls: createToolCalls({ bus, queue, log, queueWaitMs: config.TOOL_QUEUE_WAIT_MS }),
    catalogue: createToolCatalogue({ redis, log }),
    agent: config.AGENT_NAME,
    limits: {
      maxSteps: config.MAX_STEPS,
      maxAttempts: config.MAX_ATTEMPTS,
      tokenFlushMs: config.TOKEN_FLUSH_MS,
      appendGiveUpMs: config.APPEND_GIVE_UP_MS,
      historyMessages: config.HISTORY_MESSAGES,
    },
    log,
  });
  const runner = createTurnRunner({
    bus,
    worker,
    run,
    turnMs: config.TURN_MS,
    appendGiveUpMs: config.APPEND_GIVE_UP_MS,
    log,
    onSettled: metrics.turnSettled,
  });
  const cancellations = createCancellations({ bus, shards: config.SHARDS, runner, log });
  life.use("cancellations", cancellations.close);
  const intake = createIntake({
    turns: bus.turns,
    runner,
    slots: config.SLOTS,
    maxParked: config.MAX_PARKED,
    heartbeatMs: config.ACK_WAIT_MS / 3,
    log,
  });
  life.use("running turns", intake.stop);
  const janitor = createJanitor({
    turns: bus.turns,
    runner,
    everyMs: config.JANITOR_MS,
    onFinding: metrics.janitorFound,
    log,
  });
  life.use("the janitor", janitor.close);
  metrics.observe({ running: runner.running, parked: intake.parked });

  const ready = (): string[] => [
    ...(bus.connected() ? [] : ["The broker cannot be reached."]),
    ...(life.signal.aborted ? ["The worker is stopping."] : []),
  ];
  const admin = await startAdmin({
    host: config.ADMIN_HOST,
    port: config.ADMIN_PORT,
    registry: metrics.registry,
    ready,
    log,
  });
  life.use("the admin server", admin.close);
  log.info({ model: provider.model, provider: provider.name, slots: config.SLOTS }, "the agent worker is ready");
  await life.untilStopped();
});
