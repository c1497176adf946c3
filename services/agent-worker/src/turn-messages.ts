import { isText, isToolCall, type StoredTurn } from "@parley/protocol";
import { handedOverMessages } from "./handover/handover-context.ts";
import { reasoningFields } from "./model/message-fields.ts";
import type { ModelMessage } from "./model/model.ts";
import { modelToolName, wrapToolResult } from "./prompt.ts";
import type { AnsweredCall, FinishedStep } from "./tool-text.ts";

/** Turns as messages of the model. Pure. */

export type EarlierTurn = Pick<StoredTurn, "question" | "answer"> & {
  /** What is in the marks around its results; absent: nothing. */
  readonly fence?: string;
  /** Something that somebody said to others: no answer belongs to it. */
  readonly isSilent?: true;
};

/** `shown`: what the model is shown of the steps in which tools were called. */
export function turnMessages(
  turn: EarlierTurn,
  shown: (steps: readonly FinishedStep[]) => readonly FinishedStep[] = (steps) => steps,
): ModelMessage[] {
  const unanswered = unansweredMessages(turn);
  if (unanswered !== undefined) return unanswered;
  const { steps: all, rest } = stepsOfAnswer(turn.answer);
  const steps = shown(all);
  const answer = answerMessage(
    turn,
    rest,
    steps.some(({ text }) => text !== ""),
  );
  return [...questionMessages(turn), ...steps.flatMap((step) => stepMessages(step, turn.fence)), answer];
}

/** Without the calls of its tools. */
export function plainTurnMessages(turn: EarlierTurn): ModelMessage[] {
  return unansweredMessages(turn) ?? [...questionMessages(turn), answerMessage(turn)];
}

/** Undefined: there is an answer, or a note in its place. */
function unansweredMessages(turn: EarlierTurn): ModelMessage[] | undefined {
  return turn.isSilent === true ? questionMessages(turn) : handedOverMessages(turn);
}

/** Calls with the text before them, and the text after the last one; calls of which nobody knows where they stood come first. */
function stepsOfAnswer(answer: EarlierTurn["answer"]): { steps: FinishedStep[]; rest: string } {
  const { tool_calls: calls = [], parts, message = "" } = answer ?? {};
  if (calls.length === 0) return { steps: [], rest: message };
  if (parts === undefined) return { steps: [{ text: "", calls }], rest: message };
  const steps: { text: string; calls: AnsweredCall[] }[] = [];
  let text = "";
  for (const part of parts) {
    if (isText(part)) text += part.text;
    const call = isToolCall(part) ? calls.find(({ call_id }) => call_id === part.call_id) : undefined;
    if (call === undefined) continue;
    const last = steps.at(-1);
    if (last === undefined || text !== "") steps.push({ text, calls: [call] });
    else last.calls.push(call);
    text = "";
  }
  return { steps, rest: text };
}

function questionMessages({ question }: EarlierTurn): ModelMessage[] {
  return question === undefined ? [] : [{ role: "user", content: question.message }];
}

/** Never empty and never missing: some chat templates refuse two messages of one role in a row. */
function answerMessage({ answer }: EarlierTurn, text = answer?.message ?? "", hasBegun = false): ModelMessage {
  const parts = [text, ...clientCallNotes(answer), noteOn(answer)].filter((part) => part !== "");
  const nothing = hasBegun ? "[This answer ended here.]" : "[This answer was empty.]";
  return { role: "assistant", content: parts.join("\n\n") || nothing };
}

/** Their results follow as a message. */
function clientCallNotes(answer: EarlierTurn["answer"]): string[] {
  return (answer?.metadata?.client_calls ?? []).map(
    ({ tool_name, arguments: args }) => `[Called the tool ${tool_name} with ${args}]`,
  );
}

function noteOn(answer: EarlierTurn["answer"]): string {
  if (answer === undefined) return "[This message was not answered.]";
  if (answer.status === "cancelled") return "[The user stopped this answer here.]";
  if (answer.status === "error") return "[This answer broke off here because of an error.]";
  return "";
}

/** The provider's own ids stand on both sides where they are known, else ours. What it needs back comes first: it cannot take the place of our fields. */
export function stepMessages({ text, calls }: FinishedStep, fence?: string): ModelMessage[] {
  const toolCalls = calls.map((call) => ({
    ...call.provider?.fields,
    id: idOf(call),
    type: "function" as const,
    function: {
      ...call.provider?.function_fields,
      name: modelToolName(call.tool_name),
      arguments: JSON.stringify(call.arguments),
    },
  }));
  const fields = calls[0]?.provider?.message_fields;
  return [
    { ...fields, role: "assistant", content: text === "" ? null : text, tool_calls: toolCalls },
    ...calls.map((call): ModelMessage => ({
      role: "tool",
      tool_call_id: idOf(call),
      content: wrapToolResult(call, fence),
    })),
  ];
}

function idOf({ call_id, provider }: AnsweredCall): string {
  return provider?.id ?? call_id;
}

/** Of the messages as JSON, but for reasoning that goes back to the provider. */
export function bytesOf(messages: readonly ModelMessage[]): number {
  return messages.reduce((bytes, message) => bytes + Buffer.byteLength(countedText(message)), 0);
}

/** Few messages have such fields, and looking for them is what costs. */
function countedText(message: ModelMessage): string {
  return isMessage(message) ? JSON.stringify(message, countedFields) : JSON.stringify(message);
}

/** Names of fields within a text are none: only the message's own are left out. */
function countedFields(this: unknown, name: string, value: unknown): unknown {
  return reasoningFields.has(name) && isMessage(this) ? undefined : value;
}

function isMessage(value: unknown): boolean {
  return typeof value === "object" && value !== null && "tool_calls" in value;
}
