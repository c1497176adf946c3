import {
  ChatError,
  type ClientCall,
  type StoredTurn,
  type Summary,
  type ToolDefinition,
  type Usage,
} from "@parley/protocol";
import { callerHash } from "@parley/protocol/approval-hash";
import type { Briefing } from "./briefing.ts";
import type { Chain } from "./chain.ts";
import type { ContextRoom } from "./context-room.ts";
import { buildMessages } from "./context.ts";
import { clientCallsOf, givenHistory, givenRequest } from "./given.ts";
import { truncated } from "./model/model-error.ts";
import type { TurnFiles } from "./files/turn-files.ts";
import type { FinishReason, ModelRequest } from "./model/model.ts";
import { createGuardedWriter } from "./guards/guarded-writer.ts";
import type { AgentGuard } from "./guards/guards.ts";
import { createReading, type ReadingDeps, type Reading } from "./model-reading.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import type { SharedRoom } from "./rooms/room-context.ts";
import { createStepWriter, type StepWriter } from "./step-writer.ts";
import { stepCallsOf } from "./step-calls.ts";
import { addUsage, type TurnFold } from "./turn-fold.ts";

export interface ModelStepDeps extends ReadingDeps {
  /** History and tool results are cut to it, newest first. */
  readonly room: ContextRoom;
  /** The largest event that the broker takes at the moment. */
  readonly maxEventBytes: () => number;
}

export interface ModelStepInput {
  readonly turn: ClaimedTurn;
  readonly chain: Chain;
  readonly history: readonly StoredTurn[];
  /** What the beginning of the conversation came to. */
  readonly summary?: Summary | undefined;
  /** Several people write in it. */
  readonly room?: SharedRoom | undefined;
  /** It has files. */
  readonly files?: TurnFiles | undefined;
  readonly briefing: Briefing;
  readonly tools: readonly ToolDefinition[];
  /** What whoever asks may not run. */
  readonly notAllowed?: readonly ToolDefinition[];
  /** What looks at its answer; absent: nothing does. */
  readonly guard?: AgentGuard | undefined;
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
  const { room, fenceOf, maxEventBytes } = deps;
  const read = createReading(deps);

  return async (input: ModelStepInput): Promise<ModelStepEnd> => {
    const { turn, chain, briefing, isLast } = input;
    const tools = isLast ? [] : input.tools;
    const offer = { tools, notAllowed: input.notAllowed ?? [] };
    const { request, fold } = turn;
    const step = fold.steps.length;
    chain.push({ type: "progress", step: "generating", message: "Generating response" });
    const modelRequest = requestFor(input, tools, { room, fenceOf });
    const { writer, plain, checked } = openWriter(input, maxEventBytes);
    const { calls, end, usage: told } = await read(modelRequest, { turn, chain, agent: briefing.agent, step, writer });
    // What images come to says nothing of texts.
    if (told.estimated !== true && modelRequest.images === undefined) room.counted(modelRequest, told.input_tokens);
    // Taken where it is committed: what ends otherwise has it as its rest.
    const usage = (): Usage => turn.spending?.take() ?? told;
    if (checked !== undefined) await checked();
    const clientCalls = clientCallsOf(calls, request, step);
    if (clientCalls.length > 0) {
      writer.settle();
      await chain.stored();
      settleUsage(fold, usage());
      return { kind: "answered", model: end.model, finish: "stop", clientCalls };
    }
    if (calls.length === 0 || isLast) {
      const finish = calls.length === 0 ? finishOf(end, plain) : "other";
      await chain.stored();
      settleUsage(fold, usage());
      if (calls.length > 0) throw new ChatError("STEP_LIMIT");
      return { kind: "answered", model: end.model, finish };
    }
    const { turn_id: turnId } = request;
    writer.settle();
    await chain.stored();
    const tool_calls = stepCallsOf(calls, { turnId, fold, ...offer });
    chain.push({ type: "step", step, tool_calls, usage: usage(), caller_hash: callerHash(request) });
    await chain.stored();
    return { kind: "tools" };
  };
}

/** What nobody looks at is written as it comes. Where somebody does, reasoning is not shown: it would say what the answer may not. */
function openWriter({ chain, turn: { fold, stop }, guard, briefing }: ModelStepInput, maxEventBytes: () => number) {
  const checks = guard?.output;
  if (checks === undefined) {
    const writer = createStepWriter(chain, fold, { maxEventBytes, reasoning: briefing.agent.reasoning });
    return { writer, plain: writer };
  }
  const plain = createStepWriter(chain, fold, { maxEventBytes, reasoning: "dropped" });
  const onBlocked = (error: ChatError): void => {
    chain.dropQueuedText();
    chain.push({ type: "turn_restarted", text: fold.committedText });
    stop.abort(error);
  };
  const writer = createGuardedWriter(plain, { checks, signal: stop.signal, onBlocked });
  return { writer, plain, checked: writer.checked };
}

/** What the model is asked in this step. */
function requestFor(
  { turn, history, summary, briefing, room: shared, files }: ModelStepInput,
  tools: readonly ToolDefinition[],
  { room, fenceOf }: Pick<ModelStepDeps, "room" | "fenceOf">,
): ModelRequest {
  const { request, fold, attempt, spending } = turn;
  const step = fold.steps.length;
  const given = givenRequest(request, tools, step);
  const model = request.model ?? briefing.agent.model;
  const maxBytes = room.bytesFor(model, given.tools);
  const shown = files?.shown(maxBytes - Buffer.byteLength(briefing.systemPrompt) - Buffer.byteLength(request.message));
  return {
    messages: buildMessages({
      systemPrompt: briefing.systemPrompt,
      ...{ history, summary },
      message: request.message,
      room: shared?.contextFor(briefing.agent, fenceOf),
      given: givenHistory(request, fenceOf),
      steps: stepsOf(fold),
      ...{ files: shown, turnId: request.turn_id, fenceOf, maxBytes },
    }),
    ...(shown === undefined || shown.images.length === 0 ? {} : { images: shown.images }),
    ...given,
    requestId: `${request.turn_id}-${attempt}-${step}`,
    ...(spending === undefined ? {} : { meter: spending.meter("answer") }),
    ...modelOf(model),
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

/** How the answer ended. Our own sentences nobody looks at. One without text gets a sentence, unless viewers have text of an attempt that broke off: that is all there will be. */
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
