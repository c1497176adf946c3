import {
  chatErrorOf,
  type FormField,
  type FrameError,
  type Outcome,
  type SourcePart,
  type ToolCallPart,
} from "@parley/protocol";
import type { NotedEvent } from "../turn/turn-step.ts";
import { progressId, resultId, sourcesId } from "./addresses.ts";
import { isFailure } from "./state.ts";

/**
 * AG-UI's events. Optional fields are left out, never null: clients before 1.0 refuse the whole run for one. Source: `EventSchemas` of `@ag-ui/core` 0.0.59 and
 * 1.0.0.
 */
export interface AgUiEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface RunNames {
  readonly threadId: string;
  readonly runId: string;
}

/** Its clients split events at `\n\n` alone, and take `[DONE]` for a broken event. */
export function framesOf(events: readonly AgUiEvent[]): Buffer {
  return Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
}

/** The events that begin, continue and end a message that grows. */
export const growing = {
  text: {
    open: (messageId: string): AgUiEvent[] => [{ type: "TEXT_MESSAGE_START", messageId, role: "assistant" }],
    add: (messageId: string, delta: string): AgUiEvent[] => [{ type: "TEXT_MESSAGE_CONTENT", messageId, delta }],
    close: (messageId: string): AgUiEvent[] => [{ type: "TEXT_MESSAGE_END", messageId }],
  },
  reasoning: {
    open: (messageId: string): AgUiEvent[] => [
      { type: "REASONING_START", messageId },
      { type: "REASONING_MESSAGE_START", messageId, role: "reasoning" },
    ],
    add: (messageId: string, delta: string): AgUiEvent[] => [{ type: "REASONING_MESSAGE_CONTENT", messageId, delta }],
    close: (messageId: string): AgUiEvent[] => [
      { type: "REASONING_MESSAGE_END", messageId },
      { type: "REASONING_END", messageId },
    ],
  },
} as const;

/** A call is told when it is whole. */
export function called({ call_id, tool_name, arguments: args }: ToolCallPart, parentMessageId: string): AgUiEvent[] {
  return [
    { type: "TOOL_CALL_START", toolCallId: call_id, toolCallName: tool_name, parentMessageId },
    { type: "TOOL_CALL_ARGS", toolCallId: call_id, delta: JSON.stringify(args) },
    { type: "TOOL_CALL_END", toolCallId: call_id },
  ];
}

/** There is no word for a call that failed: its content says what went wrong, and `metadata` how it ended. */
export function returned(call: ToolCallPart): AgUiEvent {
  const { call_id, result = "", status = "failed" } = call;
  const metadata = isFailure(call) ? { metadata: { status } } : {};
  return {
    type: "TOOL_CALL_RESULT",
    messageId: resultId(call_id),
    toolCallId: call_id,
    content: result,
    role: "tool",
    ...metadata,
  };
}

export function found(turn: string, sources: readonly SourcePart[]): AgUiEvent {
  const content = { sources: sources.map(({ type: _type, ...source }) => source) };
  return { type: "ACTIVITY_SNAPSHOT", messageId: sourcesId(turn), activityType: "sources", content, replace: true };
}

/** Something of the moment, as an activity; `known`: it is there already. */
export function noted(turn: string, event: NotedEvent, known: ReadonlySet<string>): AgUiEvent {
  const isOfCall = event.type === "tool_call_progress";
  const messageId = progressId(isOfCall ? event.call_id : turn);
  const activityType = isOfCall ? "tool_progress" : "progress";
  const content = { ...contentOf(event), status: "running" };
  if (!known.has(messageId)) return { type: "ACTIVITY_SNAPSHOT", messageId, activityType, content, replace: true };
  const patch = Object.entries(content).map(([name, value]) => ({ op: "add", path: `/${name}`, value }));
  return { type: "ACTIVITY_DELTA", messageId, activityType, patch };
}

function contentOf(event: NotedEvent): Readonly<Record<string, string>> {
  if (event.type === "tool_call_progress") return { toolCallId: event.call_id, message: event.message };
  if (event.type === "thinking") return { step: "thinking", message: event.message };
  return {
    step: event.step,
    message: event.message,
    ...(event.agent === undefined ? {} : { agent: event.agent }),
  };
}

/** Nothing more is shown of it. */
export function notedNoMore(messageId: string, activityType: string): AgUiEvent {
  const patch = [{ op: "add", path: "/status", value: "done" }];
  return { type: "ACTIVITY_DELTA", messageId, activityType, patch };
}

/** The run ends because people have to agree to these calls; a new run brings their word as `resume`. */
export function interrupted(names: RunNames, calls: readonly ToolCallPart[]): AgUiEvent {
  const outcome = { type: "interrupt", interrupts: calls.map(interruptOf) };
  return { type: "RUN_FINISHED", ...names, outcome };
}

function interruptOf({ call_id, tool_name, approval = {} }: ToolCallPart): object {
  const { summary, preview, confirm, four_eyes, like_ms, form, policy_reason, expires_at } = approval;
  return {
    id: call_id,
    reason: "tool_call",
    toolCallId: call_id,
    ...(summary === undefined ? {} : { message: summary }),
    responseSchema: responseSchemaOf(approval),
    ...(expires_at === undefined ? {} : { expiresAt: new Date(expires_at).toISOString() }),
    // `JSON.stringify` leaves out what is undefined.
    metadata: { toolName: tool_name, preview, confirm, four_eyes, like_ms, form, policy_reason },
  };
}

/**
 * What a word has to look like. Clients that know nothing but yes and no offer these two only where the schema wants nothing else (measured: assistant-ui), so what
 * has to be typed or filled in stands in `required`.
 */
function responseSchemaOf({ confirm, form, like_ms }: NonNullable<ToolCallPart["approval"]>): object {
  const required = ["approved"];
  if (confirm !== undefined) required.push("confirm");
  if (form?.some((field) => field.required === true) === true) required.push("content");
  return {
    type: "object",
    properties: {
      approved: { type: "boolean" },
      reason: { type: "string" },
      ...(confirm === undefined ? {} : { confirm: { type: "string", description: `To agree, type: ${confirm}` } }),
      ...(like_ms === undefined ? {} : { like_ms: { type: "integer", minimum: 1, maximum: like_ms } }),
      ...(form === undefined ? {} : { content: formSchema(form) }),
    },
    required,
  };
}

function formSchema(form: readonly FormField[]): object {
  return {
    type: "object",
    properties: Object.fromEntries(form.map((field) => [field.name, fieldSchema(field)])),
    required: form.filter(({ required }) => required === true).map(({ name }) => name),
  };
}

function fieldSchema({ type, title, description, options }: FormField): object {
  const words = { ...(title === undefined ? {} : { title }), ...(description === undefined ? {} : { description }) };
  const one = { type: "string", ...(options === undefined ? {} : { enum: options }) };
  if (type === "choices") return { type: "array", items: one, ...words };
  return { ...(type === "string" ? one : { type }), ...words };
}

/** How a run ends. `isOne`: the client knows what AG-UI has since 1.0. */
export function ended(names: RunNames, outcome: Outcome, isOne: boolean): AgUiEvent[] {
  const usage = usageOf(outcome);
  const { message_id: messageId } = outcome;
  if (outcome.type === "error") {
    const { error: message, code } = outcome;
    return [{ type: "RUN_ERROR", message, code, ...usage }];
  }
  if (outcome.type === "complete") {
    const { agent, model, finish } = outcome.metadata;
    const result = { status: "complete", messageId, agent, model, finish };
    return [{ ...finished(names, result, isOne ? "success" : undefined), ...usage }];
  }
  const { reason } = outcome;
  const result = { status: "cancelled", messageId, reason };
  if (isOne) return [{ ...finished(names, result, "cancelled"), ...usage }];
  return [
    { type: "CUSTOM", name: "cancelled", value: { reason } },
    { ...finished(names, result, undefined), ...usage },
  ];
}

export function finished(names: RunNames, result: object | undefined, type: string | undefined): AgUiEvent {
  return {
    type: "RUN_FINISHED",
    ...names,
    ...(result === undefined ? {} : { result }),
    ...(type === undefined ? {} : { outcome: { type } }),
  };
}

function usageOf(outcome: Outcome): object {
  const { input_tokens, output_tokens } = outcome.usage;
  if (input_tokens + output_tokens === 0) return {};
  const model = outcome.type === "complete" ? outcome.metadata.model : undefined;
  const [inputTokens, outputTokens] = [Math.round(input_tokens), Math.round(output_tokens)];
  return { usage: [{ model, inputTokens, outputTokens, totalTokens: inputTokens + outputTokens }] };
}

export function refused(error: FrameError): AgUiEvent {
  const { message, code } = chatErrorOf(error);
  return { type: "RUN_ERROR", message, code };
}
