import { ChatError, jsonTextBytes, limits, type LogRecord, type ToolDefinition, type Usage } from "@parley/protocol";
import type { Briefing } from "./briefing.ts";
import type { Chain } from "./chain.ts";
import { buildMessages } from "./context.ts";
import type { ModelClient, ModelEvent, ModelRequest, RequestedCall } from "./model/model.ts";
import { streamWithRetry, type RestartEvent } from "./model/retry.ts";
import { estimateUsage, toModelTools } from "./prompt.ts";
import type { ModelCall, ModelCalls } from "./model-call.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { maxTextBytes, tooLargeSentence } from "./outcome-size.ts";
import { stepCallsOf } from "./step-calls.ts";
import { addUsage, type TurnFold } from "./turn-fold.ts";

export interface ModelStepDeps {
  readonly model: ModelClient;
  /** Figures and spans. */
  readonly modelCalls: ModelCalls;
  /** History and tool results are cut to this, newest first. */
  readonly contextBytes: number;
  /** The largest event that the broker takes at the moment. */
  readonly maxEventBytes: () => number;
}

export interface ModelStepInput {
  readonly turn: ClaimedTurn;
  readonly chain: Chain;
  readonly history: readonly LogRecord[];
  readonly briefing: Briefing;
  readonly tools: readonly ToolDefinition[];
  /** No step may follow: the model gets no tools, and if it asks for some nevertheless the turn ends with STEP_LIMIT. */
  readonly isLast: boolean;
}

export type ModelStepEnd =
  /** The whole answer is stored. */
  | { readonly kind: "answered"; readonly model: string }
  /** A step that asked for tools is committed. */
  | { readonly kind: "tools" };

export type ModelStep = ReturnType<typeof createModelStep>;

/** One call of the model: its text goes into the chain as it comes, its tool calls are committed as a step. */
export function createModelStep(deps: ModelStepDeps) {
  const { contextBytes, maxEventBytes } = deps;
  const read = createReading(deps);

  return async (input: ModelStepInput): Promise<ModelStepEnd> => {
    const { turn, chain, history, briefing, isLast } = input;
    const tools = isLast ? [] : input.tools;
    const { request, fold, attempt } = turn;
    const step = fold.steps.length;
    chain.push({ type: "progress", step: "generating", message: "Generating response" });
    const modelRequest = {
      messages: buildMessages({
        systemPrompt: briefing.systemPrompt,
        history,
        message: request.message,
        steps: stepsOf(fold),
        maxBytes: contextBytes,
      }),
      tools: toModelTools(tools),
      requestId: `${request.turn_id}-${attempt}-${step}`,
      ...modelOf(request.model ?? briefing.agent.model),
    };
    const writer = createStepWriter(chain, fold, maxEventBytes);
    const { calls, end, usage } = await read(modelRequest, input, { step, writer });
    await chain.stored();
    if (calls.length === 0 || isLast || end.finish === "length") {
      settleUsage(fold, usage);
      if (end.finish === "length") throw new ChatError("MODEL_TRUNCATED");
      if (calls.length > 0) throw new ChatError("STEP_LIMIT");
      return { kind: "answered", model: end.model };
    }
    const { turn_id: turnId } = request;
    chain.push({ type: "step", step, tool_calls: stepCallsOf(calls, { turnId, fold, tools }), usage });
    await chain.stored();
    return { kind: "tools" };
  };
}

/** The turn ends with this step: what it cost is known, and none of its text is of a step that broke off. */
function settleUsage(fold: TurnFold, usage: Usage): void {
  fold.usage = addUsage(fold.usage, usage);
  fold.committedText = fold.text;
}

interface Reading {
  readonly calls: readonly RequestedCall[];
  readonly end: Extract<ModelEvent, { type: "end" }>;
  readonly usage: Usage;
}

/** Reads one answer of the model into the chain, as it comes. */
function createReading({ model, modelCalls }: ModelStepDeps) {
  return async (
    request: ModelRequest,
    {
      turn: {
        stop,
        span,
        request: { conversation_id: conversation },
      },
      briefing,
    }: ModelStepInput,
    { step, writer }: { step: number; writer: StepWriter },
  ): Promise<Reading> => {
    const { signal } = stop;
    const agent = briefing.agent.name;
    const call = modelCalls({ parent: span, model: request.model, agent, conversation, step, signal });
    try {
      const events = streamWithRetry(model, request, { signal, onRetry: call.retried });
      const reading = await readEvents(events, writer, call);
      const usage = reading.end.usage ?? estimateUsage(request.messages, writer.written());
      call.answered(reading.end, usage);
      return { ...reading, usage };
    } catch (error) {
      call.failed(error);
      throw error;
    }
  };
}

type StepWriter = ReturnType<typeof createStepWriter>;

async function readEvents(
  events: AsyncIterable<ModelEvent | RestartEvent>,
  writer: StepWriter,
  call: ModelCall,
): Promise<Omit<Reading, "usage">> {
  let calls: RequestedCall[] = [];
  let end: Reading["end"] | undefined;
  for await (const event of events) {
    call.saw(event);
    if (event.type === "text") writer.text(event.text);
    if (event.type === "restart" || event.type === "retract") writer.restart();
    if (event.type === "tool_calls") calls = event.calls;
    if (event.type === "end") end = event;
  }
  if (end === undefined) throw new ChatError("MODEL_TRUNCATED");
  return { calls, end };
}

function modelOf(model: string | undefined): { model?: string } {
  return model === undefined ? {} : { model };
}

function stepsOf(fold: TurnFold) {
  return fold.steps.map(({ text, calls }) => ({
    text,
    calls: calls.map((call) => {
      const { status = "failed", result = "" } = fold.results.get(call.call_id) ?? {};
      return { ...call, status, result };
    }),
  }));
}

function tooLong(bytes: number): ChatError {
  return bytes > limits.responseBytes
    ? new ChatError("MODEL_TRUNCATED", { message: "The answer is longer than this service allows." })
    : new ChatError("PROCESSING_ERROR", { message: tooLargeSentence });
}

/** Writes the text of one step: set apart from the step before it, and within the limit of an answer. */
function createStepWriter(chain: Chain, fold: TurnFold, maxEventBytes: () => number) {
  const needsBreak = fold.committedText !== "" && !fold.committedText.endsWith("\n");
  let written = "";
  const committedBytes = jsonTextBytes(fold.committedText);
  let bytes = committedBytes;
  return {
    text(token: string): void {
      if (token === "") return;
      const text = written === "" && needsBreak ? `\n\n${token}` : token;
      bytes += jsonTextBytes(text);
      if (bytes > maxTextBytes(maxEventBytes())) throw tooLong(bytes);
      written += text;
      chain.text(text);
    },
    /** The model broke off and begins the step again: viewers drop what they have of it. */
    restart(): void {
      written = "";
      bytes = committedBytes;
      chain.dropQueuedText();
      chain.push({ type: "turn_restarted", text: fold.committedText });
    },
    written: (): string => written,
  };
}
