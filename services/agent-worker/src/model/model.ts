import type OpenAI from "openai";
import type { Usage } from "@parley/protocol";

/** The port to a language model. The agent loop knows these types only. */

export type ModelMessage = OpenAI.ChatCompletionMessageParam;
export type ModelTool = OpenAI.ChatCompletionFunctionTool;

export type ModelRequest = {
  /** Default: the provider's. */
  model?: string;
  messages: ModelMessage[];
  tools: ModelTool[];
  /** Sent as `x-client-request-id`, so that a request can be found in the provider's log. ASCII. */
  requestId: string;
  maxOutputTokens?: number;
};

/** A call as the model wrote it: `arguments` is text that may or may not be a JSON object. */
export type RequestedCall = { name: string; arguments: string };

export type FinishReason = "stop" | "tool_calls" | "length" | "content_filter";

/** `tool_calls` comes at most once, right before `end`, and exactly then is `finish` "tool_calls". `end` is always the last. */
export type ModelEvent =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "tool_calls"; calls: RequestedCall[] }
  | { type: "end"; finish: FinishReason; usage?: Usage; model: string };

export interface ModelClient {
  /**
   * One request, sent when the first event is asked for. Fails with a `ChatError`; once `signal` is aborted, with the
   * signal's reason and nothing else. An abort closes the connection to the provider at once, also while the caller is
   * busy with an event.
   */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
}
