import { ChatError, type ClientCall, type StoredTurn, type ToolDefinition, type Usage } from "@parley/protocol";
import { callerHash } from "@parley/protocol/approval-hash";
import type { Briefing } from "./briefing.ts";
import type { Chain } from "./chain.ts";
import { buildMessages } from "./context.ts";
import type { FenceOf } from "./fences.ts";
import { createGuardedWriter } from "./guards/guarded-writer.ts";
import type { AgentGuard } from "./guards/guards.ts";
import { createMaskedModel } from "./guards/masked-model.ts";
import { clientCallsOf, givenHistory, givenRequest } from "./given.ts";
import { truncated } from "./model/model-error.ts";
import type { FinishReason, ModelClient, ModelEvent, ModelRequest, RequestedCall } from "./model/model.ts";
import { streamWithRetry, type RestartEvent } from "./model/retry.ts";
import { estimateUsage } from "./prompt.ts";
import type { ModelCall, ModelCalls } from "./model-call.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { createStepWriter, type StepWriter } from "./step-writer.ts";
import { stepCallsOf } from "./step-calls.ts";
import { addUsage, type TurnFold } from "./turn-fold.ts";

export interface ModelStepDeps {
  readonly model: ModelClient;
  /** Figures and spans. */
  readonly modelCalls: ModelCalls;
  /** History and tool results are cut to this, newest first. */
  readonly contextBytes: number;
  /** How often an answer without text and calls is asked for again. */
  readonly emptyRetries: number;
  /** What is in the marks around texts of others. */
  readonly fenceOf: FenceOf;
  /** The largest event that the broker takes at the moment. */
  readonly maxEventBytes: () => number;
}

export interface ModelStepInput {
  readonly turn: ClaimedTurn;
  readonly chain: Chain;
  readonly history: readonly StoredTurn[];
  readonly briefing: Briefing;
  /** What looks at its answer; absent: nothing does. */
  readonly guard?: AgentGuard | undefined;
  readonly tools: readonly ToolDefinition[];
  /** What whoever asks may not run. */
  readonly notAllowed?: readonly ToolDefinition[];
  /** No step may follow: the model gets no tools, and if it asks for some nevertheless the turn ends with STEP_LIMIT. */
  readonly isLast: boolean;
}

export interface AnsweredStep {
  readonly kind: "answered";
  readonly model: string;
  readonly finish: Exclude<FinishReason, "tool_calls">;
  /** What the client is to run; it has the answer to go on with. */
  readonly clientCalls?: readonly ClientCall[];
}

export type ModelStepEnd =
  /** The whole answer is stored. */
  | AnsweredStep
  /** A step that asked for tools is committed. */
  | { readonly kind: "tools" };

export type ModelStep = ReturnType<typeof createModelStep>;

/** One call of the model: its text goes into the chain as it comes, its tool calls are committed as a step. */
export function createModelStep(deps: ModelStepDeps) {
  const { contextBytes, fenceOf, maxEventBytes } = deps;
  const read = createReading(deps);

  return async (input: ModelStepInput): Promise<ModelStepEnd> => {
    const { turn, chain, history, briefing, isLast } = input;
    const tools = isLast ? [] : input.tools;
    const offer = { tools, notAllowed: input.notAllowed ?? [] };
    const { request, fold, attempt } = turn;
    const step = fold.steps.length;
    chain.push({ type: "progress", step: "generating", message: "Generating response" });
    const modelRequest = {
      messages: buildMessages({
        systemPrompt: briefing.systemPrompt,
        history,
        message: request.message,
        given: givenHistory(request, fenceOf(request.turn_id)),
        steps: stepsOf(fold),
        turnId: request.turn_id,
        fenceOf,
        maxBytes: contextBytes,
      }),
      ...givenRequest(request, tools, step),
      requestId: `${request.turn_id}-${attempt}-${step}`,
      ...(turn.spending === undefined ? {} : { meter: turn.spending.meter("answer") }),
      ...modelOf(request.model ?? briefing.agent.model),
    };
    const { writer, checked } = openWriter(input, maxEventBytes);
    const { calls, end, usage: told } = await read(modelRequest, input, { step, writer });
    const usage = turn.spending?.take() ?? told;
    if (checked !== undefined) await checked();
    const clientCalls = clientCallsOf(calls, request, step);
    if (clientCalls.length > 0) {
      writer.settle();
      await chain.stored();
      settleUsage(fold, usage);
      return { kind: "answered", model: end.model, finish: "stop", clientCalls };
    }
    if (calls.length === 0 || isLast) {
      const finish = calls.length === 0 ? finishOf(end, writer) : "other";
      await chain.stored();
      settleUsage(fold, usage);
      if (calls.length > 0) throw new ChatError("STEP_LIMIT");
      return { kind: "answered", model: end.model, finish };
    }
    const { turn_id: turnId } = request;
    writer.settle();
    await chain.stored();
    const tool_calls = stepCallsOf(calls, { turnId, fold, ...offer });
    chain.push({ type: "step", step, tool_calls, usage, caller_hash: callerHash(request) });
    await chain.stored();
    return { kind: "tools" };
  };
}

/** What nobody looks at is written as it comes. Where somebody does, reasoning is not shown: it would say what the answer may not. */
function openWriter({ chain, turn: { fold, stop }, guard, briefing }: ModelStepInput, maxEventBytes: () => number) {
  const checks = guard?.output;
  if (checks === undefined) {
    return { writer: createStepWriter(chain, fold, { maxEventBytes, reasoning: briefing.agent.reasoning }) };
  }
  const plain = createStepWriter(chain, fold, { maxEventBytes, reasoning: "dropped" });
  const onBlocked = (error: ChatError): void => {
    chain.dropQueuedText();
    chain.push({ type: "turn_restarted", text: fold.committedText });
    stop.abort(error);
  };
  const writer = createGuardedWriter(plain, { checks, signal: stop.signal, onBlocked });
  return { writer, checked: writer.checked };
}

/** The turn ends with this step: what it cost is known, and none of its text is of a step that broke off. */
function settleUsage(fold: TurnFold, usage: Usage): void {
  fold.usage = addUsage(fold.usage, usage);
  fold.committedText = fold.text;
}

/** What people read in place of an answer that has no text. */
const sentences: Readonly<Record<AnsweredStep["finish"], string>> = {
  stop: "The language model gave no answer.",
  other: "The language model gave no answer.",
  empty: "The language model gave no answer.",
  length: "The language model used up its length before it had said anything.",
  content_filter: "The provider of the language model held the answer back.",
};

/** How the answer ended. One without text gets a sentence, unless viewers have text of an attempt that broke off: that is all there will be. */
function finishOf({ finish }: Reading["end"], writer: StepWriter): AnsweredStep["finish"] {
  const reason = finish === "tool_calls" ? "other" : finish;
  if (writer.written() !== "" && reason !== "empty") return reason;
  if (writer.hasStaleText()) throw truncated("the answer broke off, and the next attempt was empty");
  writer.text(sentences[reason]);
  return reason === "length" || reason === "content_filter" ? reason : "empty";
}

interface Reading {
  readonly calls: readonly RequestedCall[];
  readonly end: Extract<ModelEvent, { type: "end" }>;
  readonly usage: Usage;
}

/** Reads one answer of the model into the chain, as it comes. */
function createReading({ model, modelCalls, emptyRetries, fenceOf }: ModelStepDeps) {
  return async (
    request: ModelRequest,
    {
      turn: {
        stop,
        span,
        request: { conversation_id: conversation, turn_id: turnId },
      },
      chain,
      briefing,
    }: ModelStepInput,
    { step, writer }: { step: number; writer: StepWriter },
  ): Promise<Reading> => {
    const { signal } = stop;
    const agent = briefing.agent.name;
    const call = modelCalls({ parent: span, model: request.model, agent, conversation, step, signal });
    try {
      const answer = createAnswerFold({ writer, call, chain });
      const asked = briefing.agent.maskBeforeProvider === true ? createMaskedModel(model, fenceOf(turnId)) : model;
      await streamWithRetry(asked, request, { signal, emptyRetries, onRetry: call.retried, onEvents: answer.onEvents });
      const reading = answer.reading();
      const usage = reading.end.usage ?? estimateUsage(request.messages, writer.written());
      call.answered(reading.end, usage);
      return { ...reading, usage };
    } catch (error) {
      call.failed(error);
      throw error;
    }
  };
}

const withoutTools = "The model takes no tools; it answers without them";

interface AnswerFoldDeps {
  readonly writer: StepWriter;
  readonly call: ModelCall;
  readonly chain: Pick<Chain, "push">;
}

/** Folds what the model says: text goes to the writer, joined as it came together. */
function createAnswerFold({ writer, call, chain }: AnswerFoldDeps) {
  let calls: RequestedCall[] = [];
  let end: Reading["end"] | undefined;
  let isToldWithout = false;

  /** In the words of `createToolOffer`, at the same place. Once, although a repeated request says it again. */
  const tellWithoutTools = (): void => {
    if (!isToldWithout) chain.push({ type: "progress", step: "tools", message: withoutTools });
    isToldWithout = true;
  };
  const take = (event: Exclude<ModelEvent | RestartEvent, { type: "text" }>): void => {
    if (event.type === "restart") writer.restart();
    else if (event.type === "reasoning") writer.reasoning(event.text);
    else if (event.type === "retract") writer.retract();
    else if (event.type === "without_tools") tellWithoutTools();
    else if (event.type === "tool_calls") calls = event.calls;
    else if (event.type === "end") end = event;
  };

  return {
    onEvents(events: readonly (ModelEvent | RestartEvent)[]): void {
      if (events[0]?.type !== "end") call.saw();
      let text = "";
      for (const event of events) {
        if (event.type === "text") {
          text += event.text;
          continue;
        }
        writer.text(text);
        text = "";
        take(event);
      }
      writer.text(text);
    },
    reading(): Omit<Reading, "usage"> {
      if (end === undefined) throw new ChatError("MODEL_TRUNCATED");
      return { calls, end };
    },
  };
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
