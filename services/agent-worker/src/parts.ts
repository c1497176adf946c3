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
  fileSettings,
  natsAddress,
  openBus,
  openEncryption,
  redisAddress,
  streamSettings,
  type Bus,
  type Facts,
  type ListTimes,
  type OpenTurns,
  type ToolCatalogue,
} from "@parley/bus";
import { type TurnRequest } from "@parley/protocol";
import { once } from "node:events";
import { openLimits, startAdmin, withDeadline, type AdminOptions, type Lifecycle, type Logger } from "@parley/runtime";
import { everyTool, missingTools, type Agent } from "./agents/agent.ts";
import { createToolOffer } from "./agents/tool-offer.ts";
import { createRightsOf } from "./agents/turn-rights.ts";
import type { Config } from "./config.ts";
import type { createAgentMetrics } from "./metrics.ts";
import type { ModelTable } from "./model/model-table.ts";
import type { Provider } from "./model/provider.ts";
import type { ModelRoutes } from "./model-routes/model-routes.ts";
import { keepOffering, offerOf } from "./offer.ts";
import { createToolCalls, type ToolCallsDeps } from "./tool-calls.ts";
import { keepSharing, type SharedDocuments } from "./retrieval/shared-documents.ts";
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
    ...(await openEncryption(config, { mayMakeKeys: "all", log })),
    ackWaitMs: config.ACK_WAIT_MS,
    files: fileSettings(config),
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
  const queue = createToolQueue({ ...redisAddress(config), texts: bus.texts, log });
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
