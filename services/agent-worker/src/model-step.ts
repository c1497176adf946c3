import { ChatError, type ClientCall, type StoredTurn, type ToolDefinition, type Usage } from "@parley/protocol";
import { callerHash } from "@parley/protocol/approval-hash";
import type { Briefing } from "./briefing.ts";
import type { Chain } from "./chain.ts";
import { buildMessages } from "./context.ts";
import { clientCallsOf, givenHistory, givenRequest } from "./given.ts";
import { truncated } from "./model/model-error.ts";
import type { FinishReason } from "./model/model.ts";
import { createReading, type ReadingDeps, type Reading } from "./model-reading.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { createStepWriter, type StepWriter } from "./step-writer.ts";
import { stepCallsOf } from "./step-calls.ts";
import { addUsage, type TurnFold } from "./turn-fold.ts";

export interface ModelStepDeps extends ReadingDeps {
  /** History and tool results are cut to this, newest first. */
  readonly contextBytes: number;
  /** The largest event that the broker takes at the moment. */
  readonly maxEventBytes: () => number;
}

export interface ModelStepInput {
  readonly turn: ClaimedTurn;
  readonly chain: Chain;
  readonly history: readonly StoredTurn[];
  readonly briefing: Briefing;
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
  const { contextBytes, maxEventBytes } = deps;
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
        given: givenHistory(request),
        steps: stepsOf(fold),
        maxBytes: contextBytes,
      }),
      ...givenRequest(request, tools, step),
      requestId: `${request.turn_id}-${attempt}-${step}`,
      ...(turn.spending === undefined ? {} : { meter: turn.spending.meter("answer") }),
      ...modelOf(request.model ?? briefing.agent.model),
    };
    const writer = createStepWriter(chain, fold, { maxEventBytes, reasoning: briefing.agent.reasoning });
    const { calls, end, usage: told } = await read(modelRequest, { turn, chain, agent: briefing.agent, step, writer });
    const usage = turn.spending?.take() ?? told;
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
