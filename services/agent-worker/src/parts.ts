import {
  connectRedis,
  createKnowledgeBoard,
  createListTimes,
  createLogSizes,
  createOfferBoard,
  createOpenTurns,
  createToolCatalogue,
  createToolQueue,
  factNotes,
  natsAddress,
  openBus,
  redisAddress,
  streamSettings,
  type Bus,
  type Facts,
  type ListTimes,
  type LogSizes,
  type OpenTurns,
  type ToolCatalogue,
} from "@parley/bus";
import { jsonBytes, type Outcome, type TurnRequest } from "@parley/protocol";
import { once } from "node:events";
import { openLimits, startAdmin, withDeadline, type AdminOptions, type Lifecycle, type Logger } from "@parley/runtime";
import { everyTool, missingTools, type Agent } from "./agents/agent.ts";
import { createToolOffer } from "./agents/tool-offer.ts";
import { createRightsOf, type RightsOf } from "./agents/turn-rights.ts";
import { createAnswer } from "./answer.ts";
import type { Brief } from "./briefing.ts";
import { openClassifier } from "./classifier.ts";
import type { Config } from "./config.ts";
import { createContextRoom } from "./context-room.ts";
import type { createAgentMetrics } from "./metrics.ts";
import { createModelCalls } from "./model-call.ts";
import { createModelStep } from "./model-step.ts";
import { createFirstTitles } from "./first-title.ts";
import type { GuardRule } from "./guards/guard-file.ts";
import { createGuards } from "./guards/guards.ts";
import { createMaskedModel } from "./guards/masked-model.ts";
import { createModeration } from "./guards/moderation.ts";
import { createHandover } from "./handover/handover.ts";
import type { ModelTable } from "./model/model-table.ts";
import type { Provider } from "./model/provider.ts";
import type { ModelRoutes } from "./model-routes/model-routes.ts";
import { createPlannedCall } from "./planned-call.ts";
import { keepOffering, offerOf } from "./offer.ts";
import { chosenFormat } from "./record-format.ts";
import { createShortCalls } from "./short-call.ts";
import { createSummaries } from "./summaries.ts";
import { createMemoryOf } from "./turn-memory.ts";
import { createSuspension } from "./suspension.ts";
import { createToolCalls, type ToolCallsDeps } from "./tool-calls.ts";
import { createTurn } from "./turn.ts";
import type { TurnUsage } from "./turn-usage.ts";
import { keepSharing, type SharedDocuments } from "./retrieval/shared-documents.ts";
import type { SafetyLists } from "./safety/safety-lists.ts";
import { fencesOf } from "./start-settings.ts";
import type { TurnResult } from "./turn-attempt.ts";

export interface Process {
  readonly config: Config;
  readonly log: Logger;
  readonly life: Lifecycle;
}

/** What `/readyz` says; the process replaces it as it gets on. */
export async function startProbes({ config, log, life }: Process, registry: AdminOptions["registry"]) {
  const probes = {
    ready: (): string[] => ["The broker cannot be reached."],
    notes: (): Promise<string[]> => Promise.resolve([]),
  };
  const { ADMIN_HOST: host, ADMIN_PORT: port } = config;
  const told = { ready: () => probes.ready(), notes: () => probes.notes() };
  const admin = await startAdmin({ host, port, registry, ...told, log });
  life.use("the admin server", admin.close);
  return probes;
}

/** What callers may do here by their roles, and which models somebody has configured: `models`, and those that roles name. */
export async function openRights({ config, log, life }: Process, models: ReadonlySet<string>) {
  const limits = await openLimits({ file: config.LIMITS_FILE, log });
  life.use("the limits", limits.close);
  return {
    rightsOf: createRightsOf(limits.may),
    problems: limits.problems,
    quotas: () => limits.current().quotas,
    isConfigured: (model: string): boolean =>
      models.has(model) || Object.values(limits.current().roles).some((role) => role.models.includes(model)),
  };
}

/** The broker, with the streams set up. */
export async function connectBus({ config, log, life }: Process, name: string): Promise<Bus> {
  const bus = await openBus({
    ...natsAddress(config),
    ...streamSettings(config),
    ackWaitMs: config.ACK_WAIT_MS,
    ...{ name, log },
  });
  life.use("the broker connection", bus.close);
  return bus;
}

/** A worker without Redis begins all the same. */
const firstConnectionMs = 2_000;

/** Whose calls they are, who counts them, and what people are told that they can choose. */
export interface ToolUse extends Pick<ToolCallsDeps, "worker"> {
  readonly metrics: Pick<ReturnType<typeof createAgentMetrics>, "callDecided">;
  readonly provider: Provider;
  readonly table: Pick<ModelTable, "models">;
  readonly agents: readonly Agent[];
  readonly documents: () => SharedDocuments;
}

/** The tool workers, reached through Redis. It may be away: turns without tools go on. */
export async function connectTools(
  { config, log, life }: Process,
  bus: Bus,
  { worker, metrics, provider, table, agents, documents }: ToolUse,
) {
  const redis = connectRedis({ ...redisAddress(config), role: "cache", log });
  life.use("Redis", () => redis.disconnect());
  // The first turn would find no tools while the connection is being made.
  await withDeadline(once(redis, "ready"), firstConnectionMs, "the first connection to Redis").catch(() => {});
  const queue = createToolQueue({ ...redisAddress(config), log });
  life.use("the tool queue", queue.close);
  const catalogue = createToolCatalogue({ redis, log });
  const board = createOfferBoard({ redis, log });
  const offer = offerOf(provider, agents, table.models.keys());
  life.use("what is offered", keepOffering({ board, offer, redis, log }));
  const knowledge = createKnowledgeBoard({ redis, log });
  life.use("what is known", keepSharing({ board: knowledge, documents, redis, log }));
  const listTimes = createListTimes(redis);
  life.use("the ends that lists are to be told of", listTimes.flush);
  return {
    ...{ redis, worker, catalogue },
    toolOffer: createToolOffer({ catalogue, waitMs: config.TOOLS_WAIT_MS }),
    toolCalls: createToolCalls({
      bus,
      queue,
      worker,
      log,
      queueWaitMs: config.TOOL_QUEUE_WAIT_MS,
      onDecided: metrics.callDecided,
    }),
    openTurns: createOpenTurns({ redis }),
    logSizes: createLogSizes(redis),
    listTimes,
  };
}

/** Who is told of ends. */
export interface Told {
  readonly openTurns: Pick<OpenTurns, "remove">;
  readonly listTimes: Pick<ListTimes, "touch">;
}

/** What is told of turns: to the figures, to the lists of conversations, and to the count of what users have open. Nobody waits for either. */
export function createTelling(
  { turnClaimed, turnSettled, turnResumed }: ReturnType<typeof createAgentMetrics>,
  { openTurns, listTimes }: Told,
  log: Logger,
) {
  return {
    onClaimed: turnClaimed,
    onResumed: turnResumed,
    onSettled(result: TurnResult, request: TurnRequest): void {
      const { conversation_id: conversation, turn_id: turn, user, caller, uncounted = false } = request;
      turnSettled(result);
      if (result === "ended") tellLists(listTimes, request, log);
      if (uncounted || (result !== "ended" && result !== "skipped")) return;
      void openTurns.remove({ conversation, turn, user: user.id, tenant: caller?.tenant });
    },
  };
}

/** What the record of a turn takes, but for some hundred bytes: nobody waits for its being counted. */
function countStored(
  logSizes: Pick<LogSizes, "add">,
  { conversation_id, user, caller, message }: TurnRequest,
  outcome: Outcome,
): void {
  void logSizes.add({ user: user.id, tenant: caller?.tenant }, conversation_id, jsonBytes([message, outcome]));
}

/** The lists of conversations say when something happened last. They are made again when Redis loses them: nobody waits for this. */
function tellLists({ touch }: Pick<ListTimes, "touch">, { conversation_id, user }: TurnRequest, log: Logger): void {
  touch(user.id, conversation_id, Date.now()).catch((err: unknown) =>
    log.debug({ err, conversation_id }, "the list of conversations could not be told of an end"),
  );
}

/** A sentence for each agent that names tools which no tool worker offers. The others answer all the same, so none is a reason not to be ready. */
async function toolNotes(agents: readonly Agent[], catalogue: Pick<ToolCatalogue, "list">): Promise<string[]> {
  const definitions = await catalogue.list();
  return agents.flatMap((agent) => {
    const missing = missingTools(agent, definitions);
    if (missing.includes(everyTool))
      return [`No tool worker offers anything to the agent ${agent.name}, which takes every tool.`];
    return missing.length === 0
      ? []
      : [`No tool worker offers what the agent ${agent.name} names: ${missing.join(", ")}.`];
  });
}

interface Noted {
  /** What holds as long as the process runs. */
  readonly notes: readonly string[];
  /** What is wrong at the moment with files that are read again. */
  readonly problems: () => readonly string[];
  readonly routes: Pick<ModelRoutes, "notes">;
  readonly agents: readonly Agent[];
  readonly catalogue: Pick<ToolCatalogue, "list">;
  readonly facts: Pick<Facts, "fill">;
}

/** For probes: what an operator should know although the worker is ready. */
export function createNotes({ notes, problems, routes, agents, catalogue, facts }: Noted): () => Promise<string[]> {
  return async () => [
    ...notes,
    ...problems(),
    ...routes.notes(),
    ...(await toolNotes(agents, catalogue)),
    ...(await factNotes(facts).catch((): string[] => [])),
  ];
}

export interface TurnParts {
  readonly provider: Provider;
  readonly routes: ModelRoutes;
  readonly usage: TurnUsage;
  readonly brief: Brief;
  readonly safety: SafetyLists;
  readonly guards: readonly GuardRule[];
  readonly agents: readonly Agent[];
  readonly rightsOf: RightsOf;
  readonly tools: Awaited<ReturnType<typeof connectTools>>;
  readonly metrics: Pick<
    ReturnType<typeof createAgentMetrics>,
    | "modelCalled"
    | "modelRetried"
    | "modelChosen"
    | "modelHedged"
    | "turnEnded"
    | "titleAsked"
    | "routingAsked"
    | "summaryAsked"
    | "guardBlocked"
    | "guardFailed"
  >;
  /** Least time between two appends of text, at this moment. */
  readonly tokenFlushMs: () => number;
}

/** What runs a claimed turn: model, tools, ending. */
export function createTurnRun(
  { config, log, life: { signal: stopping } }: Process,
  bus: Bus,
  { provider, routes, usage, brief, safety, guards, agents, rightsOf, tools, metrics, tokenFlushMs }: TurnParts,
) {
  const model = routes.client;
  const { modelCalled: onCall, modelRetried: onRetry, turnEnded: onEnded, titleAsked: onResult } = metrics;
  const modelCalls = createModelCalls({ provider, onCall, onRetry, log });
  // Who asks for a title, a summary or an agent does not know of whose answer it is.
  const isMasked = agents.some(({ maskBeforeProvider }) => maskBeforeProvider === true);
  const shortly = isMasked ? createMaskedModel(model, "short") : model;
  const askShortly = createShortCalls({ model: shortly, modelCalls, usage, stopping });
  const titles =
    config.TITLES === "off"
      ? undefined
      : createFirstTitles({ bus, askShortly, modelName: config.TITLE_MODEL, stopping, onResult, log });
  const classify = openClassifier(config, { model: shortly, modelCalls, onResult: metrics.routingAsked, log });
  const { CONTEXT_BYTES: contextBytes, CONTEXT_TOKENS: contextTokens } = config;
  const readsTokens = (asked?: string) => routes.orderOf({ asked, agent: {} })?.[0]?.context_tokens;
  const room = createContextRoom({ contextBytes, contextTokens, readsTokens });
  const summaries = createSummaries(config, bus, { askShortly, room, stopping, onResult: metrics.summaryAsked, log });
  const { maxBytes: maxEventBytes } = bus.events;
  const { HANDOVER_WAIT_MS: waitMs, HANDOVER_IDLE_MS: quietMs } = config;
  const answer = createAnswer({
    ...tools,
    plannedCall: createPlannedCall({ ...tools, rightsOf, maxEventBytes }),
    ...{ brief, classify, safety, rightsOf, summaries },
    memoryOf: createMemoryOf({ bus, worker: tools.worker, log }),
    handover: createHandover({ handovers: bus.handovers, waitMs, idleMs: quietMs, maxEventBytes }),
    guards: createGuards({
      ...{ guards, moderate: createModeration(provider), log },
      ...{ onBlocked: metrics.guardBlocked, onFailure: metrics.guardFailed },
    }),
    suspend: createSuspension(bus, log),
    modelStep: createModelStep({
      ...{ model, routes, modelCalls, room, emptyRetries: config.MODEL_EMPTY_RETRIES },
      ...{ onChosen: metrics.modelChosen, onHedged: metrics.modelHedged },
      ...{ maxEventBytes, fenceOf: fencesOf(config) },
    }),
    maxSteps: config.MAX_STEPS,
  });
  return createTurn({
    ...{ bus, answer, usage, log, tokenFlushMs },
    onEnded: (request, outcome, turn) => {
      onEnded(request, outcome);
      countStored(tools.logSizes, request, outcome);
      titles?.(request, outcome);
      summaries?.ended(request, outcome, turn);
    },
    maxAttempts: config.MAX_ATTEMPTS,
    appendGiveUpMs: config.APPEND_GIVE_UP_MS,
    recordFormat: chosenFormat(config, bus).format,
  });
}
