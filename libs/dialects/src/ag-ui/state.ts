import {
  isReasoning,
  isSource,
  isText,
  isToolCall,
  type CallId,
  type Parts,
  type SourcePart,
  type ToolCallPart,
  type TurnId,
} from "@parley/protocol";
import { answerId, resultId, stepOfCall, thoughtId } from "./addresses.ts";

/** A message as AG-UI's snapshots have it. One that a client gave itself may have more. */
export interface ThreadMessage {
  readonly id: string;
  readonly role: string;
}

interface ToldCall {
  readonly at: number;
  readonly call: ToolCallPart;
  result: ToolCallPart | undefined;
}

interface ToldMessage {
  readonly at: number;
  readonly id: string;
  readonly role: "assistant" | "reasoning";
  text: string;
  calls: ToldCall[];
  /** The client has it, and it is not of the answer any more. */
  isTakenBack: boolean;
}

export type ToldTurn = ReturnType<typeof createToldTurn>;

/**
 * What one client has been told of a turn, as AG-UI's messages: reasoning, text and calls of one step of the model, and results behind the calls. The name of a
 * message is never given twice, also after it was taken back: a client may keep what it has under a name (measured: assistant-ui).
 */
export function createToldTurn(turn: TurnId) {
  const told: ToldMessage[] = [];
  let sources: { readonly at: number; readonly source: SourcePart }[] = [];
  const counts = { assistant: 0, reasoning: 0 };

  const add = (at: number, role: ToldMessage["role"]): ToldMessage => {
    const count = counts[role]++;
    const id = role === "assistant" ? answerId(turn, count) : thoughtId(turn, count);
    const message: ToldMessage = { at, id, role, text: "", calls: [], isTakenBack: false };
    told.push(message);
    return message;
  };
  /** The message that a call belongs to: the last one, unless that is of another step. */
  const parentOf = (at: number, { call_id }: ToolCallPart): ToldMessage => {
    const last = told.findLast(({ isTakenBack }) => !isTakenBack);
    const isOfStep = last?.calls.every(({ call }) => stepOfCall(call.call_id) === stepOfCall(call_id)) ?? false;
    return last?.role === "assistant" && isOfStep ? last : add(at, "assistant");
  };

  return {
    /** Whether something was taken back that the client may still show. */
    hasTakenBack: (): boolean => told.some(({ isTakenBack }) => isTakenBack),

    /** Returns the new message's name. */
    open: (at: number, kind: "text" | "reasoning"): string => add(at, kind === "text" ? "assistant" : "reasoning").id,

    grow(at: number, text: string): string {
      const message = told.findLast((one) => one.at === at) ?? add(at, "assistant");
      message.text += text;
      return message.id;
    },

    /** Returns the name of the message that the call stands in. */
    call(at: number, call: ToolCallPart): string {
      const parent = parentOf(at, call);
      parent.calls.push({ at, call, result: undefined });
      return parent.id;
    },

    result(call: ToolCallPart): void {
      const known = told.flatMap(({ calls }) => calls).find((one) => one.call.call_id === call.call_id);
      if (known !== undefined) known.result = call;
    },

    /** Returns all that were found so far. */
    find(at: number, source: SourcePart): readonly SourcePart[] {
      sources.push({ at, source });
      return sources.map((one) => one.source);
    },

    /** Forgets the parts from this one on. */
    takeBack(from: number): void {
      sources = sources.filter(({ at }) => at < from);
      for (const message of told) takeBackFrom(message, from);
    },

    /** `isWhole`: nothing of what was taken back is left. Else it is there without its content: then a client that still shows it empties it. */
    messages(isWhole: boolean): ThreadMessage[] {
      return told.filter(({ isTakenBack }) => !isWhole || !isTakenBack).flatMap(shownAs);
    },
  };
}

function takeBackFrom(message: ToldMessage, from: number): void {
  message.calls = message.calls.filter(({ at }) => at < from);
  if (message.at < from) return;
  message.isTakenBack = true;
  message.text = "";
}

function shownAs({ id, role, text, calls }: ToldMessage): ThreadMessage[] {
  if (role === "reasoning") return [reasoningMessage(id, text)];
  return [assistantMessage(id, text, calls), ...calls.flatMap(({ result }) => toolMessage(result))];
}

interface ReasoningMessage extends ThreadMessage {
  readonly content: string;
}

function reasoningMessage(id: string, content: string): ReasoningMessage {
  return { id, role: "reasoning", content };
}

interface AssistantMessage extends ThreadMessage {
  readonly content: string;
  readonly toolCalls?: readonly { readonly id: CallId; readonly type: "function"; readonly function: object }[];
}

function assistantMessage(id: string, content: string, calls: readonly ToldCall[]): AssistantMessage {
  const toolCalls = calls.map(({ call: { call_id, tool_name, arguments: args } }) => ({
    id: call_id,
    type: "function" as const,
    function: { name: tool_name, arguments: JSON.stringify(args) },
  }));
  return { id, role: "assistant", content, ...(toolCalls.length === 0 ? {} : { toolCalls }) };
}

interface ToolMessage extends ThreadMessage {
  readonly toolCallId: CallId;
  readonly content: string;
  readonly error?: string;
}

function toolMessage(call: ToolCallPart | undefined): ToolMessage[] {
  if (call === undefined) return [];
  const { call_id, result = "" } = call;
  const error = isFailure(call) ? { error: call.status ?? "failed" } : {};
  return [{ id: resultId(call_id), role: "tool", toolCallId: call_id, content: result, ...error }];
}

export function isFailure({ status }: Pick<ToolCallPart, "status">): boolean {
  return status !== "completed";
}

/** The messages of an answer that has these parts, as streams of it have named them. */
export function answerMessages(turn: TurnId, parts: Parts): ThreadMessage[] {
  const told = createToldTurn(turn);
  parts.forEach((part, at) => {
    if (isText(part) || isReasoning(part)) {
      told.open(at, part.type);
      told.grow(at, part.text);
    } else if (isToolCall(part)) {
      told.call(at, part);
      if (part.status !== undefined) told.result(part);
    } else if (isSource(part)) told.find(at, part);
  });
  return told.messages(true);
}
