import {
  isReasoning,
  isSource,
  isText,
  isToolCall,
  textOf,
  type Outcome,
  type Part,
  type Parts,
  type SourcePart,
  type ToolCallPart,
} from "@parley/protocol";
import { silenceText } from "../turn/silence.ts";
import type { NotedEvent } from "../turn/turn-step.ts";
import { contextIdOf, taskIdOf, type TaskPlace } from "./addresses.ts";

/** Objects of A2A 1.0 as JSON, see `a2a.proto` of its specification. */

/** The one artifact of a task: the text of the answer. */
const answerId = "answer";

/** Refused before it began. */
const refusedCodes: ReadonlySet<string> = new Set([
  ...["FORBIDDEN", "BLOCKED", "QUOTA_EXCEEDED", "QUEUE_FULL", "CONVERSATION_BUSY", "UNSUPPORTED"],
]);

/** Whether this says that the agent will not do it, as against that it could not. */
export function isRefusal(code: string): boolean {
  return refusedCodes.has(code);
}

export interface TaskQuestion {
  readonly messageId: string;
  readonly text: string;
  /** A person wrote it in place of the agent. */
  readonly isOperators?: boolean;
}

/** How a task stands. */
export interface TaskView {
  readonly parts: Parts;
  readonly outcome: Outcome | undefined;
  /** Calls that wait for people. */
  readonly pending: readonly ToolCallPart[];
  readonly isWorking: boolean;
}

export interface TaskExtras {
  readonly question?: TaskQuestion | undefined;
  /** When it came to stand so, ms since 1970. */
  readonly atMs?: number | undefined;
  /** At most so many messages of its history; default: all. */
  readonly historyLength?: number | null | undefined;
  readonly withoutArtifacts?: boolean;
}

export function taskObject(place: TaskPlace, view: TaskView, extras: TaskExtras = {}): object {
  const { question, atMs, historyLength, withoutArtifacts = false } = extras;
  const text = textOf(view.parts);
  const artifacts = text === "" ? [] : [artifactObject(text)];
  const asked = question === undefined ? [] : [userMessage(place, question)];
  const all = [...asked, ...view.parts.flatMap((part, at) => messageOfPart(place, part, at))];
  const history = historyLength === null || historyLength === undefined ? all : lastOf(all, historyLength);
  const metadata = view.outcome === undefined ? undefined : outcomeMetadata(view.outcome);
  return {
    id: taskIdOf(place),
    contextId: contextIdOf(place),
    status: statusObject(place, view, atMs),
    ...(withoutArtifacts ? {} : { artifacts }),
    ...(history.length === 0 ? {} : { history }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function lastOf<T>(all: readonly T[], count: number): readonly T[] {
  return count === 0 ? [] : all.slice(-count);
}

export function stateOfTask({ outcome, pending, isWorking }: TaskView): string {
  if (outcome !== undefined) return stateOfOutcome(outcome);
  if (pending.length > 0) return "TASK_STATE_INPUT_REQUIRED";
  return isWorking ? "TASK_STATE_WORKING" : "TASK_STATE_SUBMITTED";
}

function stateOfOutcome(outcome: Outcome): string {
  if (outcome.type === "complete") return "TASK_STATE_COMPLETED";
  if (outcome.type === "cancelled") return "TASK_STATE_CANCELED";
  return isRefusal(outcome.code) ? "TASK_STATE_REJECTED" : "TASK_STATE_FAILED";
}

function statusObject(place: TaskPlace, view: TaskView, atMs: number | undefined): object {
  const { outcome, pending } = view;
  const message = outcome === undefined ? askingMessage(place, pending) : endMessage(place, outcome);
  return {
    state: stateOfTask(view),
    ...(message === undefined ? {} : { message }),
    ...(atMs === undefined ? {} : { timestamp: new Date(atMs).toISOString() }),
  };
}

/** A change of a task's state, for a stream. */
export function statusUpdate(place: TaskPlace, view: TaskView): object {
  const metadata = view.outcome === undefined ? undefined : outcomeMetadata(view.outcome);
  const update = { ...idsOf(place), status: statusObject(place, view, undefined) };
  return { statusUpdate: metadata === undefined ? update : { ...update, metadata } };
}

/** That it works on, with or without something to say of it. */
export function workingUpdate(place: TaskPlace, message?: object): object {
  const status = { state: "TASK_STATE_WORKING", ...(message === undefined ? {} : { message }) };
  return { statusUpdate: { ...idsOf(place), status } };
}

/** `isAppended`: to what was sent of it; else it takes the place of all that. */
export function artifactUpdate(place: TaskPlace, text: string, isAppended: boolean): object {
  return { artifactUpdate: { ...idsOf(place), artifact: artifactObject(text), append: isAppended } };
}

function idsOf(place: TaskPlace): { readonly taskId: string; readonly contextId: string } {
  return { taskId: taskIdOf(place), contextId: contextIdOf(place) };
}

function artifactObject(text: string): object {
  return { artifactId: answerId, name: "Answer", parts: [{ text, mediaType: "text/plain" }] };
}

/** Ids of messages are made of what they are about: the same message, on whichever stream, has the same. */
function agentMessage(place: TaskPlace, about: string, parts: readonly object[], kind?: string): object {
  return {
    messageId: `${place.turn_id}-${about}`,
    ...idsOf(place),
    role: "ROLE_AGENT",
    parts,
    ...(kind === undefined ? {} : { metadata: { kind } }),
  };
}

function userMessage(place: TaskPlace, { messageId, text, isOperators = false }: TaskQuestion): object {
  return { messageId, ...idsOf(place), role: isOperators ? "ROLE_AGENT" : "ROLE_USER", parts: [{ text }] };
}

const dataPart = (data: object): object => ({ data, mediaType: "application/json" });

/** What the history has of a part that is no text of the answer. */
function messageOfPart(place: TaskPlace, part: Part, at: number): object[] {
  if (isText(part)) return [];
  if (isReasoning(part)) return [reasoningMessage(place, at, part.text)];
  if (isSource(part)) return [sourceMessage(place, at, part)];
  if (!isToolCall(part)) return [];
  return [callMessage(place, part), ...(part.status === undefined ? [] : [resultMessage(place, part)])];
}

export function reasoningMessage(place: TaskPlace, at: number, text: string): object {
  return agentMessage(place, `reasoning-${at}`, [{ text }], "reasoning");
}

export function sourceMessage(place: TaskPlace, at: number, { type: _type, ...source }: SourcePart): object {
  return agentMessage(place, `source-${at}`, [{ text: `Source: ${source.title}` }, dataPart({ source })], "source");
}

export function callMessage(place: TaskPlace, call: ToolCallPart): object {
  const { call_id, tool_name, arguments: args } = call;
  const tool_call = { call_id, tool_name, arguments: args };
  return agentMessage(
    place,
    `call-${call_id}`,
    [{ text: `Calls ${tool_name}.` }, dataPart({ tool_call })],
    "tool_call",
  );
}

export function decisionMessage(place: TaskPlace, { call_id, tool_name, approval }: ToolCallPart): object {
  const { approved, by, reason } = approval ?? {};
  const text = `${tool_name} was ${approved === true ? "agreed to" : "denied"}.`;
  const decision = {
    call_id,
    approved,
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
  };
  return agentMessage(place, `decision-${call_id}`, [{ text }, dataPart({ decision })], "decision");
}

export function resultMessage(place: TaskPlace, call: ToolCallPart): object {
  const { call_id, tool_name, status, result, result_bytes, result_id, truncated } = call;
  const tool_result = { call_id, tool_name, status, result, result_bytes, result_id, truncated };
  const text = `${tool_name}: ${status ?? ""}.`;
  return agentMessage(place, `result-${call_id}`, [{ text }, dataPart({ tool_result })], "tool_result");
}

/** Something of the moment; undefined where it says nothing. */
export function notedMessage(place: TaskPlace, event: NotedEvent): object | undefined {
  if (event.message === "") return undefined;
  if (event.type === "tool_call_progress") {
    const about = `progress-${event.call_id}-${event.ts}`;
    return agentMessage(place, about, [{ text: event.message }], event.type);
  }
  return agentMessage(place, `${event.type}-${event.attempt}-${event.n}`, [{ text: event.message }], event.type);
}

/** What is asked for, and how to answer it. */
function askingMessage(place: TaskPlace, calls: readonly ToolCallPart[]): object | undefined {
  const [first] = calls;
  if (first === undefined) return undefined;
  const parts = calls.flatMap((call) => [{ text: sentenceOf(call) }, dataPart({ approval_required: requestOf(call) })]);
  return agentMessage(place, `asked-${calls.map(({ call_id }) => call_id).join("-")}`.slice(0, 512), parts, "approval");
}

function sentenceOf({ call_id, tool_name, approval }: ToolCallPart): string {
  const what = approval?.summary ?? `${tool_name} wants to run.`;
  const typed = approval?.confirm === undefined ? "" : `, with \`confirm\`: ${JSON.stringify(approval.confirm)}`;
  return `${what} Answer with a data part {"call_id": "${call_id}", "approved": true}${typed}, or {"call_id": "${call_id}", "approved": false}.`;
}

function requestOf({ call_id, tool_name, arguments: args, approval }: ToolCallPart): object {
  return { call_id, tool_name, arguments: args, ...approval };
}

const cutAnswers: Readonly<Record<string, string>> = {
  length: "The answer is cut: it reached the longest length that the model may write.",
  content_filter: "The answer is cut: a content filter stopped the model.",
  empty: "The model gave no answer.",
};

/** What is to be said of the end beside its state; undefined: nothing. */
function endMessage(place: TaskPlace, outcome: Outcome): object | undefined {
  const text = endText(outcome);
  if (text === undefined) return undefined;
  const parts: object[] = [{ text }];
  if (outcome.type === "error") {
    const { code, retryable, retry_after_ms } = outcome;
    const wait = retry_after_ms === undefined ? {} : { retry_after_ms };
    parts.push(dataPart({ error: { code, retryable, ...wait } }));
  }
  return agentMessage(place, "end", parts);
}

function endText(outcome: Outcome): string | undefined {
  if (outcome.type === "error") return outcome.error;
  if (outcome.type === "cancelled") return `Cancelled: ${outcome.reason}.`;
  return cutAnswers[outcome.metadata.finish ?? ""] ?? silenceText(outcome);
}

function outcomeMetadata(outcome: Outcome): object {
  const { usage } = outcome;
  if (outcome.type !== "complete") return { usage };
  const { agent, model, finish, handover } = outcome.metadata;
  return { usage, agent, model, finish, ...(handover === undefined ? {} : { handover }) };
}

/** A task that never was: the same message again is another one, so nothing is ever known of this one but its end. */
export function rejectedTask(
  place: Pick<TaskPlace, "conversation_id" | "context">,
  id: string,
  { code, message: text, retryable }: { readonly code: string; readonly message: string; readonly retryable: boolean },
): object {
  const contextId = place.context ?? place.conversation_id;
  const parts = [{ text }, dataPart({ error: { code, retryable } })];
  const message = { messageId: `${id}-end`, taskId: id, contextId, role: "ROLE_AGENT", parts };
  return { id, contextId, status: { state: "TASK_STATE_REJECTED", message }, artifacts: [] };
}
