import {
  chatErrorOf,
  type ChatError,
  isReasoning,
  pendingCallsOf,
  textOf,
  type ClientCall,
  type Outcome,
  type Parts,
  type ToolCallPart,
  type TurnView,
  type Usage,
} from "@parley/protocol";
import type { TurnStep } from "../turn/turn-step.ts";
import type { TurnPlace } from "../turn-watch.ts";
import { openAiErrorOf, stoppedError } from "../openai/error.ts";
import { headOf, type ChatCompletionsOptions, type ChatCompletionsState } from "./state.ts";

/** Steps of a turn as chunks of a stream, and a turn as one answer (OpenAI's reference, "The chat completion chunk object"). */

type FinishReason = "stop" | "length" | "content_filter" | "tool_calls";
type Complete = Extract<Outcome, { type: "complete" }>;

/** `end`: this was all, and it is well. `cut`: it cannot be said. */
export interface Encoded {
  readonly values: readonly object[];
  readonly next: "more" | "end" | "cut";
}

const more = (...values: readonly object[]): Encoded => ({ values, next: "more" });

export function encodeStep(step: TurnStep, state: ChatCompletionsState, place: TurnPlace): Encoded {
  switch (step.type) {
    case "started":
      return more(chunk(state, place, { role: "assistant", content: "" }));
    case "added":
      if (step.kind === "reasoning") return more(chunk(state, place, { reasoning_content: step.text }));
      state.hasText = true;
      return more(chunk(state, place, { content: step.text }));
    case "waiting": {
      const content = `${state.hasText ? "\n\n" : ""}${waitingSentence(step.calls, place)}`;
      const last = { ...chunk(state, place, {}, "stop"), ...waitingFields(step.calls, place) };
      return { values: [chunk(state, place, { content }), last], next: "end" };
    }
    case "ended":
      return encodeEnd(step.outcome, state, place);
    case "diverged":
      return { values: [], next: "cut" };
    default:
      // Its clients are told of no tools but their own, and a part that begins or ends says nothing.
      return more();
  }
}

function encodeEnd(outcome: Outcome, state: ChatCompletionsState, place: TurnPlace): Encoded {
  if (outcome.type !== "complete") return { values: [openAiErrorOf(failureOf(outcome))], next: "end" };
  const { client_calls: calls = [] } = outcome.metadata;
  const toolCalls = calls.map((call, index) => ({ index, ...toolCallOf(call) }));
  return {
    values: [
      ...(toolCalls.length === 0 ? [] : [chunk(state, place, { tool_calls: toolCalls })]),
      chunk(state, place, {}, finishOf(outcome)),
      ...(state.hasUsage === true ? [usageChunk(state, place, outcome.usage)] : []),
    ],
    next: "end",
  };
}

function chunk(
  state: ChatCompletionsState,
  place: TurnPlace,
  delta: object,
  finish: FinishReason | null = null,
): Record<string, unknown> {
  return {
    ...headOf(state, place, "chat.completion.chunk"),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(state.hasUsage === true ? { usage: null } : {}),
  };
}

function usageChunk(state: ChatCompletionsState, place: TurnPlace, usage: Usage): object {
  return { ...headOf(state, place, "chat.completion.chunk"), choices: [], usage: usageOf(usage) };
}

/** `estimated` is no field of OpenAI's: partly counted by us. */
function usageOf({ input_tokens, output_tokens, estimated, cached_tokens }: Usage) {
  return {
    prompt_tokens: input_tokens,
    completion_tokens: output_tokens,
    total_tokens: input_tokens + output_tokens,
    ...(cached_tokens === undefined ? {} : { prompt_tokens_details: { cached_tokens } }),
    ...(estimated === true ? { estimated } : {}),
  };
}

function toolCallOf({ call_id, tool_name, arguments: args }: ClientCall) {
  return { id: call_id, type: "function", function: { name: tool_name, arguments: args } };
}

function finishOf({ metadata: { finish, client_calls: calls = [] } }: Complete): FinishReason {
  if (calls.length > 0) return "tool_calls";
  return finish === "length" || finish === "content_filter" ? finish : "stop";
}

function failureOf(outcome: Exclude<Outcome, { type: "complete" }>): ChatError {
  return outcome.type === "error" ? chatErrorOf(outcome) : stoppedError();
}

/** The protocol has no word for an answer that waits: it is said to whoever reads it. */
function waitingSentence(calls: readonly ToolCallPart[], { conversation_id }: TurnPlace): string {
  const names = [...new Set(calls.map(({ tool_name }) => `\`${tool_name}\``))].join(", ");
  return (
    `[This answer waits for a person to agree to ${names}. Decide in Parley, in the conversation ${conversation_id}: ` +
    "it goes on there.]"
  );
}

/** For programs; the field is none of OpenAI's. */
function waitingFields(calls: readonly ToolCallPart[], { conversation_id, turn_id }: TurnPlace) {
  const asked = calls.map(({ call_id, tool_name }) => ({ call_id, tool_name }));
  return { parley: { status: "waiting", conversation_id, turn_id, calls: asked } };
}

/** The whole answer. `turn` has an outcome that is complete, or waits for people. Throws ChatError for one that was stopped or failed. */
export function completionOf(turn: TurnView, place: TurnPlace, options: ChatCompletionsOptions): object {
  const { outcome } = turn;
  if (outcome !== undefined && outcome.type !== "complete") throw failureOf(outcome);
  const text = textOf(turn);
  const head = headOf(options, place, "chat.completion");
  if (outcome === undefined) {
    const calls = pendingCallsOf(turn);
    const content = `${text === "" ? "" : `${text}\n\n`}${waitingSentence(calls, place)}`;
    const choices = [choice(messageOf(content, turn.parts, options), "stop")];
    return { ...head, choices, ...waitingFields(calls, place) };
  }
  const { client_calls: calls = [] } = outcome.metadata;
  const message = {
    ...messageOf(calls.length > 0 && text === "" ? null : text, turn.parts, options),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(toolCallOf) }),
  };
  return { ...head, choices: [choice(message, finishOf(outcome))], usage: usageOf(outcome.usage) };
}

function choice(message: object, finish: FinishReason) {
  return { index: 0, message, logprobs: null, finish_reason: finish };
}

function messageOf(content: string | null, parts: Parts, { hasReasoning }: ChatCompletionsOptions) {
  const reasoning = parts
    .filter(isReasoning)
    .map(({ text }) => text)
    .join("");
  const thought = hasReasoning === true && reasoning !== "" ? { reasoning_content: reasoning } : {};
  return { role: "assistant", content, refusal: null, ...thought };
}
