import type OpenAI from "openai";
import type { ChatError, ProviderCall, Usage } from "@parley/protocol";
import type { Party } from "../fair-queue.ts";

/** The port to a language model. The agent loop knows these types only. */

export type ModelMessage = OpenAI.ChatCompletionMessageParam;
export type ModelTool = OpenAI.ChatCompletionFunctionTool;

/** An image that stands where its mark is in the text of a user's message. */
export interface ModelImage {
  /** No other text has it. */
  readonly mark: string;
  readonly name: string;
  /** With all of its data. */
  readonly url: string;
}

export type ModelRequest = {
  /** Default: the provider's. */
  model?: string;
  messages: ModelMessage[];
  tools: ModelTool[];
  /** Those that are marked in the messages. A model that takes none is told of them. */
  images?: readonly ModelImage[];
  /** Sent as `x-client-request-id`, so that a request can be found in the provider's log. ASCII. */
  requestId: string;
  maxOutputTokens?: number;
  /** Whether it has to call something, or what. Default: it decides. */
  toolChoice?: "required" | { readonly name: string };
  /** Whose it is: places at a server are shared fairly among users. Default: nobody's. */
  party?: Party;
  /** More fields of the request, as whoever asks has given them. None of those above is among them. */
  options?: Readonly<Record<string, unknown>>;
  /** Who pays for it. Undefined: nobody counts. */
  meter?: Meter;
};

/** A call as the model wrote it: `arguments` is text that may or may not be a JSON object. */
export type RequestedCall = { name: string; arguments: string; provider?: ProviderCall };

/** `empty`: the answer is over, and has neither text nor calls. `other`: the provider gave a reason that nobody here knows. */
export type FinishReason = "stop" | "tool_calls" | "length" | "content_filter" | "empty" | "other";

/**
 * `tool_calls` comes at most once, right before `end`, and exactly then is `finish` "tool_calls". `end` is always the last. `retract`: all text
 * of the answer so far was reasoning, which shows only when the reasoning ends; the answer's text begins after it. `without_tools`: the request had
 * tools and the model takes none, so it was asked without them; `without_images`: the same of images. They come before all others.
 */
export type ModelEvent =
  | { type: "without_tools" }
  | { type: "without_images" }
  | { type: "retract" }
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "tool_calls"; calls: RequestedCall[] }
  | { type: "end"; finish: FinishReason; usage?: Usage; model: string };

/** Gets what came at once, in order; never an empty list. What it throws ends the request. */
export type OnEvents<Event = ModelEvent> = (events: readonly Event[]) => void;

export interface ModelClient {
  /**
   * One request; resolves when the answer is over, after `end` was told. Fails with a `ChatError`, or with what `onEvents` threw; once `signal` is
   * aborted, with the signal's reason and nothing else. An abort closes the connection to the provider at once.
   */
  stream(request: ModelRequest, signal: AbortSignal, onEvents: OnEvents): Promise<void>;
}

/** What counts the requests of a turn. */
export interface Meter {
  begin(request: ModelRequest, model: string): MeteredRequest;
}

/** One request to a provider that is being counted. */
export interface MeteredRequest {
  /** Undefined: nothing is limited. */
  readonly limit: RequestLimit | undefined;
  /** Where nothing is limited. */
  saw(events: readonly ModelEvent[]): void;
  /** What it has used, with what that costs. */
  ended(usage: Usage | undefined): Usage;
  /** `isFree`: it was refused. */
  brokeOff(isFree: boolean): void;
}

/** What a request may use. */
export interface RequestLimit {
  /** Rejects with QUOTA_EXCEEDED: it is not to be sent. */
  readonly allowed: Promise<void>;
  /** Counts one more event of the answer. Returns how many tokens it has by then. */
  count(event: ModelEvent): number;
  /** The answer is whole, and its provider says how many it has. */
  counted(outputTokens: number): void;
  /** How many tokens of the answer may be told. */
  room(): number;
  /** Why no more of it may be; undefined: there is room, or it is not known yet. */
  exceeded(): ChatError | undefined;
  /** Resolves when it is. */
  decided(): Promise<void>;
}
