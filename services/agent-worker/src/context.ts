import { ChatError, messageIdOf, type StoredTurn, type Summary, type TurnId } from "@parley/protocol";
import type { ModelMessage } from "./model/model.ts";
import { withFileTexts, type ShownFiles } from "./files/shown-files.ts";
import type { GivenHistory } from "./given.ts";
import type { FenceOf } from "./fences.ts";
import { cutRule, dataRule, earlierArgumentsRule } from "./prompt.ts";
import { shortenSteps, type FinishedStep } from "./tool-text.ts";
import { bytesOf, stepMessages, type EarlierTurn } from "./turn-messages.ts";
import type { RoomContext } from "./rooms/room-context.ts";
import { behindSummary, summaryBlock } from "./memory/summary-text.ts";
import { roomWindowOf, windowOf } from "./window.ts";

export type ContextInput = {
  systemPrompt: string;
  /** Earlier turns, oldest first. */
  history: readonly StoredTurn[];
  /** The user's message of the running turn. */
  message: string;
  /** In place of both: the client keeps the conversation itself. None of it is left out. */
  given?: GivenHistory | undefined;
  /** Several people write in the conversation: who said what. */
  room?: RoomContext | undefined;
  /** What the turns up to some place came to: it stands for them. */
  summary?: Summary | undefined;
  /** What is shown of files, where the conversation has any. */
  files?: ShownFiles | undefined;
  steps: readonly FinishedStep[];
  /** Of the running turn. */
  turnId?: TurnId | undefined;
  /** What is in the marks around results; absent: nothing. */
  fenceOf?: FenceOf | undefined;
  /** Of all messages as JSON, but for reasoning that goes back to the provider: it has a limit of its own (`turnProviderBytes`). */
  maxBytes: number;
};

/**
 * What the model gets to see. The system prompt and the running turn always; of the turns before as many as fit (`windowOf`), those behind the summary
 * where there is one. Where the running turn alone is too large, the results and arguments of its tools are shortened (`shortenSteps`); no other text is ever cut. Throws
 * ChatError CONTEXT_TOO_LARGE when even that does not fit.
 */
export function buildMessages(input: ContextInput): ModelMessage[] {
  const { systemPrompt, steps, maxBytes, fenceOf, room, files } = input;
  const fence = fenceFor(input);
  const { history, summary, asked, instructions } = conversationOf(input);
  const hasResults = steps.length > 0 || asked.some(isResult) || history.some(hasHadResults);
  const rules = [...(hasResults ? [dataRule] : []), ...(history.some(hasCutArguments) ? [earlierArgumentsRule] : [])];
  const before = summary === undefined ? [] : [summaryBlock(summary.text)];
  const ofRoom = [...(room === undefined ? [] : [room.rule]), ...(files === undefined ? [] : [files.rule])];
  const content = [systemPrompt, ...ofRoom, ...rules, ...before, ...instructions].join("\n\n");
  const system: ModelMessage = { role: "system", content };
  const current: ModelMessage[] = [...asked, ...steps.flatMap((step) => stepMessages(step, fence))];
  const leftBytes = maxBytes - bytesOf([system, ...current]);
  if (leftBytes >= 0) {
    if (room === undefined) return [system, ...windowOf(withFilesOf(files, history), leftBytes, fenceOf), ...current];
    const earlier = withFilesOf(files, room.turns(history, summary));
    return [system, ...roomWindowOf(earlier, current, { maxBytes: leftBytes, fenceOf })];
  }
  const short = shortestOf(input, { asked, instructions: [...ofRoom, ...instructions], fence });
  if (short === undefined) throw new ChatError("CONTEXT_TOO_LARGE");
  return short;
}

/** Of the running turn. Made where a result needs it: it is a tenth of what a short request costs. */
function fenceFor({ turnId, steps, fenceOf }: ContextInput): string | undefined {
  return turnId === undefined || steps.length === 0 ? undefined : fenceOf?.(turnId);
}

/** What was said before and is asked now: as it is kept here, or as the client has given it. */
function conversationOf({ history, summary, message, given, room, files, turnId }: ContextInput) {
  const told = turnId === undefined ? undefined : files?.texts.get(messageIdOf(turnId, "user"));
  if (given === undefined) {
    const asked = [{ role: "user", content: withFileTexts(room?.asked ?? message, told) } as const];
    return { ...behindSummary(history, summary), asked, instructions: [] };
  }
  return {
    ...{ history: [], summary: undefined },
    asked: withLast(given.messages, told),
    instructions: given.instructions === "" ? [] : [given.instructions],
  };
}

/** The message that is asked, among those that its client has given: its own files stand behind it. */
function withLast(messages: readonly ModelMessage[], told: string | undefined): readonly ModelMessage[] {
  const at = messages.findLastIndex(({ role }) => role === "user");
  const last = messages[at];
  if (told === undefined || last?.role !== "user" || typeof last.content !== "string") return messages;
  return messages.with(at, { ...last, content: withFileTexts(last.content, told) });
}

/** Files of earlier messages stand behind their texts. What a room quotes is quoted already. */
function withFilesOf<Turn extends EarlierTurn>(files: ShownFiles | undefined, turns: readonly Turn[]): readonly Turn[] {
  if (files === undefined) return turns;
  return turns.map((turn) => {
    const { question } = turn;
    const told = question === undefined ? undefined : files.texts.get(question.message_id);
    if (question === undefined || told === undefined) return turn;
    return { ...turn, question: { ...question, message: withFileTexts(question.message, told) } };
  });
}

interface Alone {
  readonly asked: readonly ModelMessage[];
  readonly instructions: readonly string[];
  readonly fence: string | undefined;
}

/** The running turn alone; undefined: not even that fits. */
function shortestOf(
  { systemPrompt, steps, maxBytes }: ContextInput,
  { asked, instructions, fence }: Alone,
): ModelMessage[] | undefined {
  const alone = { systemPrompt: [systemPrompt, dataRule, ...instructions].join("\n\n"), asked, maxBytes, fence };
  return shortened({ ...alone, steps }) ?? shortened({ ...alone, steps: steps.map(withoutProvider) });
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
  fence,
}: Pick<ContextInput, "systemPrompt" | "steps" | "maxBytes"> & {
  readonly asked: readonly ModelMessage[];
  readonly fence: string | undefined;
}): ModelMessage[] | undefined {
  const frame: ModelMessage[] = [{ role: "system", content: `${systemPrompt}\n\n${cutRule}` }, ...asked];
  const bare = steps.map(({ text, calls }) => ({
    text,
    calls: calls.map((call) => ({ ...call, arguments: {}, result: "" })),
  }));
  // The bare steps have an empty object of arguments for each call, which the parts count too: a byte or two to spare.
  const short = shortenSteps(
    steps,
    maxBytes - bytesOf([...frame, ...bare.flatMap((step) => stepMessages(step, fence))]),
  );
  if (short === undefined || steps.length === 0) return undefined;
  return [...frame, ...short.flatMap((step) => stepMessages(step, fence))];
}
