import { connectRedis, createToolCatalogue, createToolQueue, openBus, streamSettings, type Bus } from "@parley/bus";
import type { Lifecycle, Logger } from "@parley/runtime";
import { loadAgents } from "./agents/load-agents.ts";
import { createAnswer } from "./answer.ts";
import { createBrief, type Brief } from "./briefing.ts";
import type { Config } from "./config.ts";
import type { createAgentMetrics } from "./metrics.ts";
import { createModelCalls } from "./model-call.ts";
import { createModelStep } from "./model-step.ts";
import { createModelClient } from "./model/model-client.ts";
import type { Provider } from "./model/provider.ts";
import { loadKnowledge } from "./retrieval/knowledge.ts";
import { createRouter } from "./routing/router.ts";
import { createToolCalls } from "./tool-calls.ts";
import { createTurn } from "./turn.ts";

export interface Process {
  readonly config: Config;
  readonly log: Logger;
  readonly life: Lifecycle;
}

/** The broker, with the streams set up. */
export async function connectBus({ config, log, life }: Process, name: string): Promise<Bus> {
  const bus = await openBus({
    servers: config.NATS_URL,
    ...streamSettings(config),
    ackWaitMs: config.ACK_WAIT_MS,
    ...{ name, log },
  });
  life.use("the broker connection", bus.close);
  return bus;
}

/** The tool workers, reached through Redis. It may be away: turns without tools go on. */
export function connectTools({ config, log, life }: Process, bus: Bus) {
  const redis = connectRedis({ url: config.REDIS_URL, role: "cache", log });
  life.use("Redis", () => redis.disconnect());
  const queue = createToolQueue({ url: config.REDIS_URL, log });
  life.use("the tool queue", queue.close);
  return {
    catalogue: createToolCatalogue({ redis, log }),
    toolCalls: createToolCalls({ bus, queue, log, queueWaitMs: config.TOOL_QUEUE_WAIT_MS }),
  };
}

/** The agents and documents of the configuration. Throws a StartError that names every problem with file and line. */
export async function readBrief({ AGENTS_DIR, KNOWLEDGE_DIR }: Config): Promise<Brief> {
  const knowledge = await loadKnowledge(KNOWLEDGE_DIR);
  const agents = await loadAgents({ folder: AGENTS_DIR, collections: knowledge.collections() });
  return createBrief({ route: createRouter(agents), knowledge });
}

export interface TurnParts {
  readonly provider: Provider;
  readonly brief: Brief;
  readonly tools: ReturnType<typeof connectTools>;
  readonly metrics: Pick<ReturnType<typeof createAgentMetrics>, "modelCalled" | "modelRetried" | "turnEnded">;
}

/** What runs a claimed turn: model, tools, ending. */
export function createTurnRun({ config, log }: Process, bus: Bus, { provider, brief, tools, metrics }: TurnParts) {
  const { MODEL_IDLE_MS: idleMs, MODEL_FIRST_TOKEN_MS: firstTokenMs } = config;
  const model = createModelClient({ provider, idleMs, firstTokenMs, log });
  const { modelCalled: onCall, modelRetried: onRetry, turnEnded: onEnded } = metrics;
  const modelCalls = createModelCalls({ provider, onCall, onRetry });
  const answer = createAnswer({
    ...tools,
    brief,
    modelStep: createModelStep({
      ...{ model, modelCalls, contextBytes: config.CONTEXT_BYTES },
      maxEventBytes: bus.events.maxBytes,
    }),
    maxSteps: config.MAX_STEPS,
  });
  return createTurn({
    ...{ bus, answer, onEnded, log },
    maxAttempts: config.MAX_ATTEMPTS,
    tokenFlushMs: config.TOKEN_FLUSH_MS,
    appendGiveUpMs: config.APPEND_GIVE_UP_MS,
  });
}
