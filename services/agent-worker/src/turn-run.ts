import type { Bus, LogSizes } from "@parley/bus";
import { jsonBytes, type Outcome, type TurnRequest } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import type { RightsOf } from "./agents/turn-rights.ts";
import { createAnswer, type Answer } from "./answer.ts";
import type { Brief } from "./briefing.ts";
import { openClassifier } from "./classifier.ts";
import type { Config } from "./config.ts";
import { createContextRoom, type ContextRoom } from "./context-room.ts";
import type { createAgentMetrics } from "./metrics.ts";
import { createModelCalls } from "./model-call.ts";
import { createModelStep } from "./model-step.ts";
import { createFirstTitles } from "./first-title.ts";
import type { GuardRule } from "./guards/guard-file.ts";
import { createGuards } from "./guards/guards.ts";
import { createMaskedModel } from "./guards/masked-model.ts";
import { createModeration } from "./guards/moderation.ts";
import { createFileContents } from "./files/file-contents.ts";
import { createKeptTexts } from "./files/kept-texts.ts";
import { createTranscription } from "./files/transcription.ts";
import { createTurnFiles } from "./files/turn-files.ts";
import { createHandover } from "./handover/handover.ts";
import { OPENAI_TRANSCRIPTION_MODEL, type Provider } from "./model/provider.ts";
import type { ModelRoutes } from "./model-routes/model-routes.ts";
import { createPlannedCall } from "./planned-call.ts";
import { chosenFormat } from "./record-format.ts";
import { createDocumentReader } from "./retrieval/formats/document-reader.ts";
import { createShortCalls } from "./short-call.ts";
import { createSummaries } from "./summaries.ts";
import { createMemoryOf } from "./turn-memory.ts";
import { createSuspension } from "./suspension.ts";
import { createTurn } from "./turn.ts";
import type { TurnUsage } from "./turn-usage.ts";
import type { SafetyLists } from "./safety/safety-lists.ts";
import { fencesOf } from "./start-settings.ts";
import type { connectTools, Process } from "./parts.ts";

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
export function createTurnRun(process: Process, bus: Bus, parts: TurnParts) {
  const { config, log } = process;
  const { usage, metrics, tools, tokenFlushMs } = parts;
  const room = openRoom(config, parts.routes);
  const { modelCalls, titles, classify, summaries } = openShortCalls(process, bus, { ...parts, room });
  const answer = openAnswer(process, bus, { ...parts, room, modelCalls, classify, summaries });
  return createTurn({
    ...{ bus, answer, usage, log, tokenFlushMs },
    onEnded: (request, outcome, turn) => {
      metrics.turnEnded(request, outcome);
      countStored(tools.logSizes, request, outcome);
      titles?.(request, outcome);
      summaries?.ended(request, outcome, turn);
    },
    maxAttempts: config.MAX_ATTEMPTS,
    appendGiveUpMs: config.APPEND_GIVE_UP_MS,
    recordFormat: chosenFormat(config, bus).format,
  });
}

/** How much the model is given to read. */
function openRoom({ CONTEXT_BYTES: contextBytes, CONTEXT_TOKENS: contextTokens }: Config, routes: ModelRoutes) {
  const readsTokens = (asked?: string) => routes.orderOf({ asked, agent: {} })?.[0]?.context_tokens;
  return createContextRoom({ contextBytes, contextTokens, readsTokens });
}

interface WithRoom extends TurnParts {
  readonly room: ContextRoom;
}

/** What models are asked for beside answers: titles, summaries, and which agent a message is for. */
function openShortCalls(
  { config, log, life: { signal: stopping } }: Process,
  bus: Bus,
  { provider, routes, usage, agents, metrics, room }: WithRoom,
) {
  const { modelCalled: onCall, modelRetried: onRetry, titleAsked, routingAsked, summaryAsked } = metrics;
  const modelCalls = createModelCalls({ provider, onCall, onRetry, log });
  // Who asks shortly does not know of whose answer it is.
  const isMasked = agents.some(({ maskBeforeProvider }) => maskBeforeProvider === true);
  const model = isMasked ? createMaskedModel(routes.client, "short") : routes.client;
  const askShortly = createShortCalls({ model, modelCalls, usage, stopping });
  const asking = { bus, askShortly, stopping, log };
  return {
    modelCalls,
    titles:
      config.TITLES === "off"
        ? undefined
        : createFirstTitles({ ...asking, modelName: config.TITLE_MODEL, onResult: titleAsked }),
    classify: openClassifier(config, { model, modelCalls, onResult: routingAsked, log }),
    summaries: createSummaries(config, bus, { askShortly, room, stopping, onResult: summaryAsked, log }),
  };
}

type ShortCalls = ReturnType<typeof openShortCalls>;

function openAnswer(
  { config, log }: Process,
  bus: Bus,
  { provider, routes, tools, metrics, rightsOf, room, modelCalls, ...parts }: WithRoom & Omit<ShortCalls, "titles">,
): Answer {
  const { maxBytes: maxEventBytes } = bus.events;
  const { HANDOVER_WAIT_MS: waitMs, HANDOVER_IDLE_MS: idleMs } = config;
  return createAnswer({
    ...tools,
    ...parts,
    rightsOf,
    plannedCall: createPlannedCall({ ...tools, rightsOf, maxEventBytes }),
    memoryOf: createMemoryOf({ bus, worker: tools.worker, log }),
    filesOf: openTurnFiles(config, bus, { provider, log }),
    handover: createHandover({ handovers: bus.handovers, waitMs, idleMs, maxEventBytes }),
    guards: createGuards({
      ...{ guards: parts.guards, moderate: createModeration(provider), log },
      ...{ onBlocked: metrics.guardBlocked, onFailure: metrics.guardFailed },
    }),
    suspend: createSuspension(bus, log),
    modelStep: createModelStep({
      ...{ model: routes.client, routes, modelCalls, room, emptyRetries: config.MODEL_EMPTY_RETRIES },
      ...{ onChosen: metrics.modelChosen, onHedged: metrics.modelHedged },
      ...{ maxEventBytes, fenceOf: fencesOf(config) },
    }),
    maxSteps: config.MAX_STEPS,
  });
}

/** What files say. Nothing of it is used by conversations without. */
function openTurnFiles(
  config: Config,
  bus: Bus,
  { provider, log }: { readonly provider: Provider; readonly log: Logger },
) {
  const model = config.TRANSCRIPTION_MODEL ?? transcriptionModels[provider.name];
  const transcribe = model === undefined ? undefined : createTranscription(provider, model);
  const reading = { bus, keptTexts: createKeptTexts(bus), readDocument: createDocumentReader(), transcribe, log };
  return createTurnFiles({ readFiles: createFileContents(reading), fenceOf: fencesOf(config) });
}

/** Of providers that are known to have one. */
const transcriptionModels: { readonly [Name in Provider["name"]]?: string } = {
  openai: OPENAI_TRANSCRIPTION_MODEL,
  simulated: "parley-simulated-hearing",
};

/** What the record of a turn takes, but for some hundred bytes: nobody waits for its being counted. */
function countStored(
  logSizes: Pick<LogSizes, "add">,
  { conversation_id, user, caller, message }: TurnRequest,
  outcome: Outcome,
): void {
  void logSizes.add({ user: user.id, tenant: caller?.tenant }, conversation_id, jsonBytes([message, outcome]));
}
