import { ChatError, type TurnRequest } from "@parley/protocol";
import type { Logger, TraceSpan } from "@parley/runtime";
import type { Config } from "./config.ts";
import type { ModelCall, ModelCalls } from "./model-call.ts";
import { partyOf } from "./fair-queue.ts";
import type { Meter, ModelClient, ModelEvent, ModelRequest, RequestedCall } from "./model/model.ts";
import { estimateUsage } from "./prompt.ts";
import {
  agentQuestion,
  choiceTool,
  readOpinion,
  type AgentQuestionInput,
  type Opinion,
} from "./routing/agent-question.ts";

/** `told`: it says whose a message is. `unusable`: it says something else. `late`: nothing in time. `skipped`: it has failed too often just now. */
export type ClassifierResult = "told" | "unusable" | "late" | "failed" | "stopped" | "skipped";

export interface ClassifierDeps {
  readonly model: ModelClient;
  readonly modelCalls: ModelCalls;
  /** Default: the provider's. */
  readonly modelName: string | undefined;
  readonly timeoutMs: number;
  readonly onResult: (result: ClassifierResult, durationMs: number) => void;
  readonly log: Logger;
}

type RouterSettings = Pick<Config, "ROUTER" | "ROUTING_MODEL" | "ROUTING_MODEL_MS">;

export interface ClassifierQuestion extends AgentQuestionInput {
  readonly request: Pick<TurnRequest, "conversation_id" | "turn_id" | "user" | "caller">;
  /** Who pays for it. */
  readonly meter?: Meter | undefined;
  /** Of the turn. */
  readonly span: TraceSpan;
  readonly signal: AbortSignal;
}

/** Undefined: go on without it. Throws nothing but the reason of `signal`. */
export type Classify = (question: ClassifierQuestion) => Promise<Opinion | undefined>;

const outputTokens = 256;
/** So many failures in a row, and for a while nobody waits for the next. */
const failuresInRow = 3;
const restMs = 30_000;

/** As the settings have it; undefined: no model is asked. */
export function openClassifier(
  { ROUTER, ROUTING_MODEL: modelName, ROUTING_MODEL_MS: timeoutMs }: RouterSettings,
  deps: Omit<ClassifierDeps, "modelName" | "timeoutMs">,
): Classify | undefined {
  return ROUTER === "lexical" ? undefined : createClassifier({ ...deps, modelName, timeoutMs });
}

/** Asks a model which agent a message is for, once, within a deadline. Whatever fails is as if it had not been asked. */
export function createClassifier({ timeoutMs, onResult, log, ...deps }: ClassifierDeps): Classify {
  const ask = createAsking(deps);
  let failures = 0;
  let restsUntilMs = 0;

  const noted = (result: ClassifierResult, error?: unknown): void => {
    if (result === "stopped" || (result === "failed" && !isTheModels(error))) return;
    failures = result === "told" || result === "unusable" ? 0 : failures + 1;
    if (failures < failuresInRow) return;
    failures = 0;
    restsUntilMs = performance.now() + restMs;
    log.warn({ rest_ms: restMs }, "the model that chooses agents does not answer and is left alone for a while");
  };

  return async (question) => {
    const startedMs = performance.now();
    if (startedMs < restsUntilMs) {
      onResult("skipped", 0);
      return undefined;
    }
    const deadline = AbortSignal.timeout(timeoutMs);
    const settle = (result: ClassifierResult, error?: unknown): void => {
      noted(result, error);
      onResult(result, performance.now() - startedMs);
    };
    try {
      const opinion = await ask(question, AbortSignal.any([question.signal, deadline]));
      settle(opinion === undefined ? "unusable" : "told");
      return opinion;
    } catch (err) {
      settle(question.signal.aborted ? "stopped" : deadline.aborted ? "late" : "failed", err);
      question.signal.throwIfAborted();
      log.debug({ err, turn_id: question.request.turn_id }, "an agent is chosen without the model");
      return undefined;
    }
  };
}

/** One user's quota, say, is no fault of a model. */
function isTheModels(error: unknown): boolean {
  return !(error instanceof ChatError) || error.code.startsWith("MODEL_");
}

function createAsking({ model, modelCalls, modelName }: Pick<ClassifierDeps, "model" | "modelCalls" | "modelName">) {
  return async (question: ClassifierQuestion, signal: AbortSignal): Promise<Opinion | undefined> => {
    const { request, meter, span: parent } = question;
    const asked: ModelRequest = {
      ...agentQuestion(question),
      requestId: `${request.turn_id}-route`,
      maxOutputTokens: outputTokens,
      toolChoice: { name: choiceTool },
      party: partyOf(request),
      ...(meter === undefined ? {} : { meter }),
      ...(modelName === undefined ? {} : { model: modelName }),
    };
    const conversation = request.conversation_id;
    const call = modelCalls({ parent, model: modelName, agent: "routing", conversation, step: 0, signal });
    try {
      return readOpinion(await answerOf(model, asked, { signal, call }), question);
    } catch (error) {
      call.failed(error);
      throw error;
    }
  };
}

async function answerOf(
  model: ModelClient,
  request: ModelRequest,
  { signal, call }: { readonly signal: AbortSignal; readonly call: ModelCall },
): Promise<{ text: string; calls: readonly RequestedCall[] }> {
  let text = "";
  let calls: readonly RequestedCall[] = [];
  let end: Extract<ModelEvent, { type: "end" }> | undefined;
  await model.stream(request, signal, (events) => {
    for (const event of events) {
      if (event.type === "text") text += event.text;
      else if (event.type === "retract") text = "";
      else if (event.type === "tool_calls") calls = event.calls;
      else if (event.type === "end") end = event;
      if (event.type !== "end") call.saw();
    }
  });
  const said = `${text}${calls.map(({ arguments: args }) => args).join("")}`;
  if (end !== undefined) call.answered(end, end.usage ?? estimateUsage(request.messages, said));
  return { text, calls };
}
