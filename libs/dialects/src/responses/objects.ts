import {
  ChatError,
  isErrorCode,
  type ClientCall,
  type Outcome,
  type SourcePart,
  type ToolCallPart,
  type Usage,
} from "@parley/protocol";
import { openAiErrorOf } from "../openai/error.ts";
import type { TurnPlace } from "../turn-watch.ts";
import { questionIdOf, requestIdOf, responseIdOf, type ResponsePlace } from "./addresses.ts";
import type { PlannedItem } from "./plan.ts";

/** The objects of the Responses API, as the SDK's types and the schemas of Open Responses have them. */

/** What the agents of this service are called where a tool needs a server. */
const serverLabel = "parley";
/** The model of who leaves the choice of the agent to us. */
export const routedModel = "parley";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

export interface ResponseAbout {
  readonly place: ResponsePlace;
  /** ms since 1970. */
  readonly createdMs: number;
  readonly model: string;
  readonly previous: string | null;
  /** How the model was asked, where the request's words count. */
  readonly instructions?: string | undefined;
  readonly tools?: readonly object[] | undefined;
  /** How the request called the conversation; else it is its id. */
  readonly conversation?: string | undefined;
  readonly background: boolean;
  /** `false`: it is gone with the socket on which it was asked. */
  readonly store?: boolean | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ResponseState {
  readonly status: "queued" | "in_progress" | "completed" | "failed" | "cancelled" | "incomplete";
  readonly output: readonly object[];
  readonly outcome?: Outcome | undefined;
  /** Of a turn that is not there any more. */
  readonly error?: ChatError | undefined;
}

export type EndedStatus = "completed" | "failed" | "cancelled" | "incomplete";

export function statusOf(outcome: Outcome): EndedStatus {
  if (outcome.type === "error") return "failed";
  if (outcome.type === "cancelled") return "cancelled";
  return cutOf(outcome) === undefined ? "completed" : "incomplete";
}

/** Why an answer is not whole, in the words of the API. */
function cutOf(outcome: Outcome): string | undefined {
  // Clients that know only these two take anything else for an unknown reason, and none for a whole answer.
  if (outcome.type === "cancelled") return "cancelled";
  if (outcome.type !== "complete") return undefined;
  const { finish } = outcome.metadata;
  if (finish === "length") return "max_output_tokens";
  return finish === "content_filter" ? "content_filter" : undefined;
}

function errorOf({ outcome, error }: ResponseState): { readonly code: string; readonly message: string } | null {
  const told = error ?? (outcome?.type === "error" ? toldError(outcome) : undefined);
  if (told === undefined) return null;
  const { code, message } = openAiErrorOf(told).error;
  return { code, message };
}

function toldError({ code, error }: Extract<Outcome, { type: "error" }>): ChatError {
  return new ChatError(isErrorCode(code) ? code : "PROCESSING_ERROR", { message: error });
}

/** Reasoning tokens are not counted apart. */
function usageOf({ input_tokens, output_tokens, cached_tokens = 0 }: Usage): object {
  return {
    input_tokens,
    input_tokens_details: { cached_tokens },
    output_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input_tokens + output_tokens,
  };
}

/** Fields that say how a model was to be asked: agents decide that, so these are the same of all, and what the request said of them is not in them. */
const unasked = {
  max_output_tokens: null,
  max_tool_calls: null,
  parallel_tool_calls: true,
  temperature: 1,
  top_p: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  top_logprobs: 0,
  tool_choice: "auto",
  truncation: "disabled",
  text: { format: { type: "text" } },
  reasoning: null,
  service_tier: "default",
  safety_identifier: null,
  prompt_cache_key: null,
} as const;

export function responseObject(about: ResponseAbout, state: ResponseState): object {
  const { place, createdMs, model, previous, conversation, background, metadata } = about;
  const { status, output, outcome } = state;
  const agent = outcome?.type === "complete" ? outcome.metadata.agent : undefined;
  const cut = outcome === undefined || status === "completed" ? undefined : cutOf(outcome);
  return {
    id: responseIdOf(place),
    object: "response",
    created_at: Math.floor(createdMs / 1_000),
    completed_at: null,
    status,
    background,
    model: agent ?? model,
    previous_response_id: previous,
    conversation: { id: conversation ?? place.conversation_id },
    output,
    error: errorOf(state),
    incomplete_details: cut === undefined ? null : { reason: cut },
    usage: outcome === undefined ? null : usageOf(outcome.usage),
    metadata,
    instructions: about.instructions ?? null,
    tools: about.tools ?? [],
    store: about.store ?? true,
    ...unasked,
  };
}

export function messageItem(id: string, status: ItemStatus, content: readonly object[]): object {
  return { id, type: "message", status, role: "assistant", content };
}

export function textPart(text: string, annotations: readonly object[]): object {
  return { type: "output_text", text, annotations, logprobs: [] };
}

export function reasoningItem(id: string, status: ItemStatus, summary: readonly object[]): object {
  return { id, type: "reasoning", status, summary };
}

export function summaryPart(text: string): object {
  return { type: "summary_text", text };
}

/** `index`: which of the sources of its text. Which words rest on it nobody knows. */
export function annotationOf({ title, url, file = title }: SourcePart, index: number): object {
  if (url !== undefined) return { type: "url_citation", url, title, start_index: 0, end_index: 0 };
  return { type: "file_citation", file_id: file, filename: title, index };
}

type CallPlan = Extract<PlannedItem, { kind: "call" | "result" }>;

interface CallHow {
  /** As it is at its end. */
  readonly isDone: boolean;
  readonly place: ResponsePlace;
}

/** The item of a call. */
export function callItem(id: string, plan: CallPlan, { isDone, place }: CallHow): object {
  const { call_id, tool_name: name, arguments: args } = plan.call;
  const before = { ...place, segment: place.segment - 1 };
  const asked = plan.kind === "result" ? { approval_request_id: requestIdOf(call_id, before) } : {};
  return {
    id,
    type: "mcp_call",
    server_label: serverLabel,
    name,
    arguments: JSON.stringify(args),
    ...asked,
    ...(isDone ? endOfCall(plan) : { status: "in_progress", output: null, error: null }),
  };
}

/** A call that did not end is one of a turn that did. */
function endOfCall({ call: { status, result = "" } }: CallPlan): object {
  if (status === "completed") return { status, output: result, error: null };
  if (status === undefined) return { status: "incomplete", output: null, error: null };
  return { status: "failed", output: null, error: result === "" ? status : result };
}

/** What a person has to agree to. `approval`, which is none of the API's, has what there is to be shown. */
export function requestItem(id: string, { tool_name: name, arguments: args, approval }: ToolCallPart): object {
  const { summary, preview, confirm, expires_at } = approval ?? {};
  return {
    id,
    type: "mcp_approval_request",
    server_label: serverLabel,
    name,
    arguments: JSON.stringify(args),
    approval: { summary, preview, confirm, expires_at: expires_at && Math.floor(expires_at / 1_000) },
  };
}

/** A call of a tool that the client has brought, for the client to run. */
export function functionItem(
  id: string,
  status: ItemStatus,
  { call_id, tool_name: name, arguments: args }: ClientCall,
): object {
  return { id, type: "function_call", status, call_id, name, arguments: status === "in_progress" ? "" : args };
}

/** What a person wrote in place of the agent. */
export function operatorItem(place: TurnPlace, text: string): object {
  return messageItem(questionIdOf(place), "completed", [textPart(text, [])]);
}

export function questionItem(place: TurnPlace, text: string): object {
  const content = [{ type: "input_text", text }];
  return { id: questionIdOf(place), type: "message", status: "completed", role: "user", content };
}
