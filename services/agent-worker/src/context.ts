import { ChatError, isText, isToolCall, type StoredTurn } from "@parley/protocol";
import { reasoningFields } from "./model/message-fields.ts";
import type { ModelMessage } from "./model/model.ts";
import type { GivenHistory } from "./given.ts";
import { handedOverMessages, inTurns } from "./handover/handover-context.ts";
import { shortenSteps, type AnsweredCall, type FinishedStep } from "./tool-text.ts";
import { cutRule, dataRule, earlierArgumentsRule, modelToolName, wrapToolResult } from "./prompt.ts";

export type ContextInput = {
  systemPrompt: string;
  /** Earlier turns, oldest first. */
  history: readonly StoredTurn[];
  /** The user's message of the running turn. */
  message: string;
  /** In place of both: the client keeps the conversation itself. None of it is left out. */
  given?: GivenHistory | undefined;
  steps: readonly FinishedStep[];
  /** Of all messages as JSON, but for reasoning that goes back to the provider: it has a limit of its own (`turnProviderBytes`). */
  maxBytes: number;
};

/**
 * What the model gets to see. The system prompt and the running turn always; of the turns before as many as fit, newest
 * first and without a gap. A turn that fits only without its tool results is kept without them. Where the running turn alone
 * is too large, the results and arguments of its tools are shortened (`shortenSteps`); no other text is ever cut. Throws
 * ChatError CONTEXT_TOO_LARGE when even that does not fit.
 */
export function buildMessages(input: ContextInput): ModelMessage[] {
  const { systemPrompt, steps, maxBytes } = input;
  const { history, asked, instructions } = conversationOf(input);
  const hasResults = steps.length > 0 || asked.some(isResult) || history.some(hasHadResults);
  const rules = [...(hasResults ? [dataRule] : []), ...(history.some(hasCutArguments) ? [earlierArgumentsRule] : [])];
  const system: ModelMessage = { role: "system", content: [systemPrompt, ...rules, ...instructions].join("\n\n") };
  const current: ModelMessage[] = [...asked, ...steps.flatMap(stepMessages)];
  const leftBytes = maxBytes - bytesOf([system, ...current]);
  if (leftBytes >= 0) return [system, ...window(history, leftBytes), ...current];
  const alone = { systemPrompt: [systemPrompt, dataRule, ...instructions].join("\n\n"), asked, maxBytes };
  const short = shortened({ ...alone, steps }) ?? shortened({ ...alone, steps: steps.map(withoutProvider) });
  if (short === undefined) throw new ChatError("CONTEXT_TOO_LARGE");
  return short;
}

/** What was said before and is asked now: as it is kept here, or as the client has given it. */
function conversationOf({ history, message, given }: ContextInput) {
  if (given === undefined) return { history, asked: [{ role: "user", content: message } as const], instructions: [] };
  return {
    history: [],
    asked: given.messages,
    instructions: given.instructions === "" ? [] : [given.instructions],
  };
}

function isResult({ role }: ModelMessage): boolean {
  return role === "tool";
}

/** Those of a client's own tools came as a message. */
function hasHadResults({ answer }: StoredTurn): boolean {
  return (answer?.tool_calls ?? []).length > 0 || answer?.metadata?.client_calls !== undefined;
}

/** The transcript has only the beginnings of long arguments. */
function hasCutArguments({ answer }: StoredTurn): boolean {
  return answer?.tool_calls?.some(({ arguments_bytes }) => arguments_bytes !== undefined) === true;
}

/** The provider may refuse it without these; without room for them it cannot be asked at all. */
function withoutProvider({ text, calls }: FinishedStep): FinishedStep {
  return { text, calls: calls.map((call) => ({ ...call, provider: undefined })) };
}

/** The running turn alone, with as much of its tools' texts as fits. */
function shortened({
  systemPrompt,
  asked,
  steps,
  maxBytes,
}: Pick<ContextInput, "systemPrompt" | "steps" | "maxBytes"> & {
  readonly asked: readonly ModelMessage[];
}): ModelMessage[] | undefined {
  const frame: ModelMessage[] = [{ role: "system", content: `${systemPrompt}\n\n${cutRule}` }, ...asked];
  const bare = steps.map(({ text, calls }) => ({
    text,
    calls: calls.map((call) => ({ ...call, arguments: {}, result: "" })),
  }));
  // The bare steps have an empty object of arguments for each call, which the parts count too: a byte or two to spare.
  const short = shortenSteps(steps, maxBytes - bytesOf([...frame, ...bare.flatMap(stepMessages)]));
  if (short === undefined || steps.length === 0) return undefined;
  return [...frame, ...short.flatMap(stepMessages)];
}

type EarlierTurn = Pick<StoredTurn, "question" | "answer">;

function window(turns: readonly EarlierTurn[], maxBytes: number): ModelMessage[] {
  const kept: ModelMessage[][] = [];
  let leftBytes = maxBytes;
  for (const turn of turns.toReversed()) {
    const fitting = fittingIn(leftBytes, turnMessages(turn)) ?? fittingIn(leftBytes, plainTurnMessages(turn));
    if (fitting === undefined) break;
    leftBytes -= fitting.bytes;
    kept.unshift(fitting.messages);
  }
  return turns.some((turn) => handedOverMessages(turn) !== undefined) ? inTurns(kept.flat()) : kept.flat();
}

function fittingIn(maxBytes: number, messages: ModelMessage[]) {
  const bytes = bytesOf(messages);
  return bytes <= maxBytes ? { messages, bytes } : undefined;
}

function turnMessages(turn: EarlierTurn): ModelMessage[] {
  const handedOver = handedOverMessages(turn);
  if (handedOver !== undefined) return handedOver;
  const { steps, rest } = stepsOfAnswer(turn.answer);
  const answer = answerMessage(
    turn,
    rest,
    steps.some(({ text }) => text !== ""),
  );
  return [...questionMessages(turn), ...steps.flatMap(stepMessages), answer];
}

function plainTurnMessages(turn: EarlierTurn): ModelMessage[] {
  return handedOverMessages(turn) ?? [...questionMessages(turn), answerMessage(turn)];
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
function stepMessages({ text, calls }: FinishedStep): ModelMessage[] {
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
    ...calls.map((call): ModelMessage => ({ role: "tool", tool_call_id: idOf(call), content: wrapToolResult(call) })),
  ];
}

function idOf({ call_id, provider }: AnsweredCall): string {
  return provider?.id ?? call_id;
}

function bytesOf(messages: readonly ModelMessage[]): number {
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
