import type { AnswerMetadata, FrameError, Outcome, SourcePart, ToolCallPart } from "@parley/protocol";
import { addressOfFile } from "../given-file.ts";
import type { Said } from "../turn/speech.ts";
import type { NotedEvent, TurnStep } from "../turn/turn-step.ts";
import type { TurnPlace } from "../turn-watch.ts";
import { answerIdOf } from "./addresses.ts";
import type { Told } from "./state.ts";

/**
 * The steps of a turn as chunks of the AI SDK's UI message stream. Which chunks the majors know was measured (docs/ai-sdk.md): one that is unknown to a client
 * ends its whole stream with an error, so what only some know has another form for the others.
 */
export interface Chunk {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface SaidChunks {
  readonly chunks: readonly Chunk[];
  readonly next: Said["next"];
}

type Of<Type extends TurnStep["type"]> = Extract<TurnStep, { type: Type }>;

export function chunksOf(steps: readonly TurnStep[], place: TurnPlace, told: Told): SaidChunks {
  const hadUntil = noteDecided(steps, told);
  const chunks: Chunk[] = [];
  for (const [index, step] of steps.entries()) {
    if (isHad(step, index <= hadUntil, told)) continue;
    chunks.push(...chunksOfStep(step, place, told));
    const next = nextAfter(step, told);
    if (next !== "more") return { chunks, next };
  }
  return { chunks, next: "more" };
}

function nextAfter(step: TurnStep, told: Told): Said["next"] {
  if (step.type === "ended") return "end";
  if (step.type === "waiting") return goesOnAt(step, told) ? "more" : "end";
  if (step.type !== "diverged") return "more";
  return told.version === 5 ? "end" : "cut";
}

/** The fifth has no word for a question, so its stream goes on; nor does one end at a question that its client has just answered. */
function goesOnAt({ calls }: Of<"waiting">, { version, decided }: Told): boolean {
  return version === 5 || calls.every(({ call_id }) => decided.has(call_id));
}

/** The place of the last step that a client which has decided knows from before; -1: it knows none of these. */
function noteDecided(steps: readonly TurnStep[], told: Told): number {
  let last = -1;
  for (const [index, step] of steps.entries()) {
    if (step.type !== "called" || !told.decided.has(step.call.call_id)) continue;
    last = index;
    told.lastDecided = step.at;
    told.running.add(step.call.call_id);
  }
  return last;
}

/** Whether a client that comes back with its word has this from before. What became of calls that somebody had to decide on it is told once more. */
function isHad(step: TurnStep, isBefore: boolean, { lastDecided }: Told): boolean {
  if (step.type === "started") return false;
  if (!isBefore && !("at" in step && step.at <= lastDecided)) return false;
  return !((step.type === "decided" || step.type === "returned") && step.call.approval !== undefined);
}

function chunksOfStep(step: TurnStep, place: TurnPlace, told: Told): Chunk[] {
  if ("kind" in step) return growing(step, told);
  if ("call" in step) return ofCall(step, place, told);
  switch (step.type) {
    case "started":
      return started(place, told);
    case "step":
      return [...finishStep(told), ...startStep(told)];
    case "found":
      return [...startStep(told), sourceOf(step.source, `${place.turn_id}-${step.at}`)];
    case "noted":
      return noted(step.event, told);
    case "restarted":
      return [{ type: "reset-step" }];
    case "waiting":
      return waiting(step, place, told);
    case "ended":
      return [...finishStep(told), ...ended(step.outcome, place, told)];
    case "diverged":
      return diverged(told);
  }
}

/** The fifth keeps what it has when its connection breaks, and would add the replay to it: an error makes it begin anew. */
function diverged({ version }: Told): Chunk[] {
  return version === 5 ? [{ type: "error", errorText: begunAnew }] : [];
}

function growing(step: Of<"opened" | "added" | "closed">, told: Told): Chunk[] {
  const { kind, at } = step;
  const id = String(at);
  if (step.type === "opened") return [...startStep(told), { type: `${kind}-start`, id }];
  return [step.type === "added" ? { type: `${kind}-delta`, id, delta: step.text } : { type: `${kind}-end`, id }];
}

function ofCall(step: Of<"called" | "asked" | "decided" | "returned">, place: TurnPlace, told: Told): Chunk[] {
  switch (step.type) {
    case "called":
      return called(step, told);
    case "asked":
      return asked(step, place, told);
    case "decided":
      return decided(step, place, told);
    case "returned":
      return returned(step, told);
  }
}

const begunAnew = "The answer was begun anew and differs from what is shown: load it again.";

function placeIn({ conversation_id, turn_id }: TurnPlace) {
  return { conversation_id, turn_id };
}

function started(place: TurnPlace, told: Told): Chunk[] {
  const start = { type: "start", messageId: answerIdOf(place.turn_id), messageMetadata: placeIn(place) };
  // Who comes back with a word has a step in which the call stands.
  return told.decided.size > 0 ? [start] : [start, ...startStep(told)];
}

function startStep(told: Told): Chunk[] {
  if (told.isStepOpen) return [];
  told.isStepOpen = true;
  return [{ type: "start-step" }];
}

export function finishStep(told: Told): Chunk[] {
  if (!told.isStepOpen) return [];
  told.isStepOpen = false;
  return [{ type: "finish-step" }];
}

function called({ call }: Of<"called">, told: Told): Chunk[] {
  const { call_id: toolCallId, tool_name: toolName, arguments: input } = call;
  told.running.add(toolCallId);
  return [...startStep(told), { type: "tool-input-available", toolCallId, toolName, input, dynamic: true }];
}

function asked({ call }: Of<"asked">, place: TurnPlace, told: Told): Chunk[] {
  // It was decided meanwhile: nobody is asked any more.
  if (call.approval?.approved !== undefined || call.status !== undefined) return [];
  const { call_id: approvalId, approval } = call;
  told.asked.add(approvalId);
  const reason = told.version === 7 && approval?.summary !== undefined ? { reason: approval.summary } : {};
  const request = { type: "tool-approval-request", approvalId, toolCallId: approvalId, ...reason };
  return [...(told.version === 5 ? [] : [request]), approvalData(call, place)];
}

/** What a person sees who is to decide, and how it was decided: a part that replaces itself. */
function approvalData({ call_id, tool_name, approval = {} }: ToolCallPart, place: TurnPlace): Chunk {
  return { type: "data-approval", id: call_id, data: { ...placeIn(place), call_id, tool_name, ...approval } };
}

function decided({ call }: Of<"decided">, place: TurnPlace, told: Told): Chunk[] {
  const { call_id: approvalId, approval } = call;
  const data = approvalData(call, place);
  if (!told.asked.delete(approvalId) || told.version !== 7) return [data];
  const { approved = false, reason } = approval ?? {};
  return [{ type: "tool-approval-response", approvalId, approved, ...(reason === undefined ? {} : { reason }) }, data];
}

function returned(step: Of<"returned">, told: Told): Chunk[] {
  const { files = [] } = step;
  const given = files.map(({ file_id, media_type: mediaType }) => ({
    type: "file",
    url: addressOfFile(file_id),
    mediaType,
  }));
  return [...resultOf(step, told), ...given];
}

function resultOf({ call }: Of<"returned">, told: Told): Chunk[] {
  const { call_id: toolCallId, status, result = "", approval } = call;
  told.running.delete(toolCallId);
  told.asked.delete(toolCallId);
  const about = { toolCallId, dynamic: true, ...aboutResult(call) };
  if (status === "completed") return [{ type: "tool-output-available", ...about, output: result }];
  // A call that a person's word has stopped; without a question its clients would miss the one that the state stands for.
  if (status === "denied" && approval !== undefined && told.version !== 5)
    return [{ type: "tool-output-denied", toolCallId }];
  return [{ type: "tool-output-error", ...about, errorText: result === "" ? `The call ended: ${status}.` : result }];
}

/** What there is of a result that is longer than what is sent. */
function aboutResult({ result_bytes, result_id, truncated }: ToolCallPart) {
  if (result_bytes === undefined && result_id === undefined && truncated !== true) return {};
  return {
    toolMetadata: {
      truncated: true,
      ...(result_bytes === undefined ? {} : { result_bytes }),
      ...(result_id === undefined ? {} : { result_id }),
    },
  };
}

function sourceOf({ title, url, file }: SourcePart, sourceId: string): Chunk {
  if (url !== undefined) return { type: "source-url", sourceId, url, title };
  const filename = file === undefined ? {} : { filename: file };
  return { type: "source-document", sourceId, mediaType: "text/plain", title, ...filename };
}

function noted(event: NotedEvent, told: Told): Chunk[] {
  const { message } = event;
  if (event.type === "thinking") return [{ type: "data-thinking", data: { message }, transient: true }];
  if (event.type === "tool_call_progress") {
    const { call_id: toolCallId } = event;
    // After its end it would stand in place of the result.
    if (!told.running.has(toolCallId) || told.asked.has(toolCallId)) return [];
    return [{ type: "tool-output-available", toolCallId, output: message, preliminary: true, dynamic: true }];
  }
  const { step, agent, confidence, method, turn_id } = event;
  const known = { ...(agent && { agent }), ...(confidence !== undefined && { confidence }), ...(method && { method }) };
  return [{ type: "data-progress", id: `${turn_id}-progress`, data: { step, message, ...known } }];
}

function waiting(step: Of<"waiting">, place: TurnPlace, told: Told): Chunk[] {
  if (goesOnAt(step, told)) return [];
  return [...finishStep(told), { type: "finish", finishReason: "tool-calls", messageMetadata: placeIn(place) }];
}

const finishes: Readonly<Record<string, string>> = {
  stop: "stop",
  length: "length",
  content_filter: "content-filter",
};

function finishReasonOf({ finish = "stop" }: AnswerMetadata): string {
  return finishes[finish] ?? "other";
}

function ended(outcome: Outcome, place: TurnPlace, { version }: Told): Chunk[] {
  const { usage } = outcome;
  if (outcome.type === "error") return errorChunks(outcome);
  if (outcome.type === "cancelled") {
    const { reason } = outcome;
    const messageMetadata = { ...placeIn(place), usage };
    return [
      { type: "data-end", data: { code: "CANCELLED", reason } },
      { type: "abort", reason },
      // Who comes back by itself until it sees a `finish` (WorkflowChatTransport) would ask for ever.
      { type: "finish", finishReason: version === 7 ? "interrupted" : "other", messageMetadata },
    ];
  }
  const { agent, model, finish, confidence } = outcome.metadata;
  const known = { ...(agent && { agent }), ...(model && { model }), ...(finish && { finish }) };
  const messageMetadata = { ...placeIn(place), usage, ...known, ...(confidence !== undefined && { confidence }) };
  return [{ type: "finish", finishReason: finishReasonOf(outcome.metadata), messageMetadata }];
}

/** The code in a part, since an `error` has nothing but a text. */
export function errorChunks({ code, error, retryable, retry_after_ms }: Omit<FrameError, "type">): Chunk[] {
  const retry = retry_after_ms === undefined ? {} : { retry_after_ms };
  return [
    { type: "data-error", data: { code, retryable, ...retry } },
    { type: "error", errorText: error },
  ];
}
