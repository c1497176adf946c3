import { randomUUID } from "node:crypto";
import {
  A2aError,
  agentOf,
  checkOutputModes,
  contextIdOf,
  conversationOfContext,
  conversationOfMessage,
  createA2aSpeech,
  decisionsIn,
  filesOfMessage,
  isRefusal,
  partsUntilDecision,
  rejectedTask,
  textOfMessage,
  type A2aMessage,
  type A2aDecision,
  type RpcId,
  type SendParams,
  type TaskPlace,
  type TaskQuestion,
} from "@parley/dialects";
import { ChatError, isToolCall, messageIdOf, type Parts } from "@parley/protocol";
import type { FacadeDeps } from "../../transport/facade.ts";
import type { Reply } from "../../transport/reply.ts";
import type { Call } from "../../transport/route.ts";
import { eventStreamHeaders } from "../../transport/sse-sink.ts";
import type { StreamTarget } from "../../transport/turn-streams.ts";
import { taskOf, taskViewOf, type KnownTask, type TaskReading } from "./tasks.ts";

export type SendingDeps = Pick<FacadeDeps, "streams" | "commands" | "ownership"> & { readonly tasks: TaskReading };

/** What a message comes to. */
type Sent =
  /** A turn is made, or goes on. `has`: what it was before it was decided on. */
  | {
      readonly kind: "turn";
      readonly place: TaskPlace;
      readonly target: StreamTarget;
      readonly question: TaskQuestion | undefined;
      readonly has?: Parts;
    }
  /** It changes nothing that is to be waited for. */
  | { readonly kind: "as it stands"; readonly task: KnownTask };

/** `SendMessage` and `SendStreamingMessage`: a message begins a task, or decides on what a task waits for. Throws A2aError and ChatError. */
export function createSending(deps: SendingDeps) {
  const { streams, tasks } = deps;

  return {
    /** Resolves to the task: when it has ended or waits for people, or as soon as it is there. */
    async send(call: Call, params: SendParams): Promise<object> {
      checkSend(params);
      const sent = await sentBy(deps, call, params);
      const { historyLength, returnImmediately } = params.configuration ?? {};
      if (sent.kind === "as it stands") return { task: taskOf(sent.task, { historyLength }) };
      const { place, target, question, has } = sent;
      const stopsAtOnce = returnImmediately === true;
      try {
        const how = { stopsAtWait: true, stopsAtOnce, ...(has === undefined ? {} : { has }) };
        const { turn } = await streams.settle(call, target, how);
        return { task: taskOf({ place, view: taskViewOf(turn), question, atMs: undefined }, { historyLength }) };
      } catch (error) {
        const rejected = rejectedBy(error, sent);
        if (rejected !== undefined) return { task: rejected };
        // It takes longer than a request may wait, and goes on.
        if (!(error instanceof ChatError) || error.code !== "MODEL_TIMEOUT") throw error;
        return { task: taskOf(await tasks.read(call, place), { historyLength }) };
      }
    },

    /** Answers with the stream, or with what is all of it. */
    async stream(call: Call, requestId: RpcId, params: SendParams): Promise<Reply | undefined> {
      checkSend(params);
      const sent = await sentBy(deps, call, params);
      if (sent.kind === "as it stands") return wholeStream(requestId, taskOf(sent.task));
      const { place, target, question, has } = sent;
      const speech = createA2aSpeech({ requestId, context: place.context, question, has });
      try {
        return await streams.stream(call, target, { speech });
      } catch (error) {
        const rejected = rejectedBy(error, sent);
        if (rejected === undefined) throw error;
        return wholeStream(requestId, rejected);
      }
    },
  };
}

/** A stream that has one task and ends. */
function wholeStream(id: RpcId, task: object): Reply {
  const body = `data: ${JSON.stringify({ jsonrpc: "2.0", id, result: { task } })}\n\n`;
  return { status: 200, headers: eventStreamHeaders, body };
}

function checkSend({ configuration }: SendParams): void {
  checkOutputModes(configuration?.acceptedOutputModes);
  if (configuration?.taskPushNotificationConfig === undefined || configuration.taskPushNotificationConfig === null)
    return;
  throw new A2aError("PUSH_NOTIFICATION_NOT_SUPPORTED", "Nothing is pushed from here: subscribe to the task.");
}

function sentBy(deps: SendingDeps, call: Call, params: SendParams): Promise<Sent> {
  const { taskId } = params.message;
  return taskId === undefined ? begun(deps, call, params) : replied(deps, call, taskId, params.message);
}

async function begun({ streams, ownership }: SendingDeps, { caller }: Call, params: SendParams): Promise<Sent> {
  const { message } = params;
  const { messageId, contextId } = message;
  const { conversation_id, context } =
    contextId === undefined
      ? { conversation_id: conversationOfMessage(caller, messageId), context: undefined }
      : await conversationOfContext(ownership.isOwn, caller, contextId);
  const text = textOfMessage(message);
  const files = filesOfMessage(message);
  const agent = agentOf(params);
  const asked = { type: "message", id: messageId, message: text, conversation_id, on_busy: "enqueue" } as const;
  const place = { ...streams.placeOf(caller, conversation_id, messageId), context };
  const question = { messageId: messageIdOf(place.turn_id, "user"), text };
  return {
    kind: "turn",
    place,
    target: {
      question: {
        ...asked,
        ...(agent === undefined ? {} : { agent }),
        ...(files.length === 0 ? {} : { brought: files }),
      },
    },
    question,
  };
}

/**
 * A reply is a person's word on what the task asks; nothing else can be said to a task that has begun. The same word again, whose answer was lost, is answered as the
 * first was: with the task, as far as it has come.
 */
async function replied(deps: SendingDeps, call: Call, taskId: string, message: A2aMessage): Promise<Sent> {
  const { tasks } = deps;
  const place = await tasks.find(call.caller, taskId);
  const { contextId } = message;
  if (contextId !== undefined && contextId !== contextIdOf(place) && contextId !== place.conversation_id)
    throw new A2aError("INVALID_PARAMS", "`contextId` is not the one of this task.");
  const task = await tasks.read(call, place);
  const { pending, outcome, parts } = task.view;
  const asked = parts.filter(isToolCall).filter(({ approval }) => approval !== undefined);
  const decisions = asked.length === 0 ? [] : decisionsIn(message, asked);
  if (decisions.length === 0 && pending.length === 0) throw takesNoWord(task);
  for (const decision of decisions) await decide(deps, call, task, decision);
  if (outcome !== undefined) return { kind: "as it stands", task };
  const decided = new Set(decisions.map(({ call_id }) => call_id));
  const open = pending.filter(({ call_id }) => !decided.has(call_id));
  if (open.length > 0) return { kind: "as it stands", task: { ...task, view: { ...task.view, pending: open } } };
  return { kind: "turn", place, target: { place }, question: task.question, has: partsUntilDecision(parts, decided) };
}

function takesNoWord({ view }: KnownTask): A2aError {
  const why =
    view.outcome === undefined
      ? "The task works and asks for nothing: send the message without `taskId`, and it is answered after it."
      : "The task has ended: it takes no message.";
  return new A2aError("UNSUPPORTED_OPERATION", why);
}

/** Throws CONFLICT where it was decided otherwise, and A2aError where nobody can decide any more. */
async function decide(
  { commands }: SendingDeps,
  { caller }: Call,
  task: KnownTask,
  decision: A2aDecision,
): Promise<void> {
  const { conversation_id } = task.place;
  try {
    await commands.approve(caller, { conversation_id, ...decision });
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== "NOT_FOUND") throw error;
    if (task.view.pending.length === 0) throw takesNoWord(task);
    throw new A2aError("INVALID_PARAMS", "`call_id` names no call of this task that waits for a decision.");
  }
}

/** The task as which a message is turned down that the agent will not take; undefined: something else went wrong. */
function rejectedBy(error: unknown, sent: Extract<Sent, { kind: "turn" }>): object | undefined {
  if (!("question" in sent.target) || !(error instanceof ChatError) || !isRefusal(error.code)) return undefined;
  return rejectedTask(sent.place, `rejected-${randomUUID()}`, error);
}
