import type { Bus } from "@parley/bus";
import { titleLine, type ConversationId, type Outcome, type TurnRequest } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { textOrNames } from "./files/attached-files.ts";
import type { AskShortly, ShortCall } from "./short-call.ts";

/** `given`: it is the conversation's title. `late`: somebody gave one meanwhile, or the conversation is no more. `empty`: the model said nothing. */
export type TitleResult = "given" | "late" | "empty" | "failed";

export interface FirstTitleDeps {
  readonly bus: Pick<Bus, "titles" | "transcripts">;
  readonly askShortly: AskShortly;
  /** Default: the provider's. */
  readonly modelName: string | undefined;
  /** Of this process. */
  readonly stopping: AbortSignal;
  readonly onResult: (result: TitleResult) => void;
  readonly log: Logger;
}

/** Calls of the model at a time; conversations beyond it stay without a title. */
const mostAtOnce = 32;
const timeoutMs = 5_000;
const outputTokens = 24;
/** Of message and answer each: enough to see what it is about. */
const shownChars = 1_500;
const titleChars = 80;

/** The simulated model knows a request for a title by how this begins. */
const instruction =
  "Name this conversation. Answer with a title of at most six words, in the language of the message, and nothing else: no quotes, no full stop.";

/**
 * Gives a conversation that has none a title, once, after its first answer was told: one short call of the model, beside all turns. Whatever fails
 * leaves it without. An owner's title always wins: this one is stored only if none was given since before the model was asked.
 */
export function createFirstTitles(deps: FirstTitleDeps) {
  const { bus, askShortly, modelName, onResult, log } = deps;
  let running = 0;

  const give = async (request: TurnRequest, answer: string): Promise<TitleResult | undefined> => {
    const { conversation_id: conversation } = request;
    const place = await bus.titles.placeOf(conversation);
    if (place.title !== undefined || !(await isFirst(bus, conversation))) return undefined;
    const title = lineOf((await askShortly(titleCall(modelName, request, answer))).text);
    if (title === "") return "empty";
    const by = { role: "assistant" };
    const given = await bus.titles.give(conversation, { title, by }, { onlyAfter: place });
    return given === undefined ? "late" : "given";
  };

  /** To be told of every turn that has ended. Waits for nothing, and never throws. */
  return (request: TurnRequest, outcome: Outcome): void => {
    // Whoever keeps the conversation itself, or has asked no model, sees no title of ours.
    if (request.given?.messages !== undefined || request.given?.call !== undefined) return;
    if (outcome.type === "complete" && outcome.metadata.handover !== undefined) return;
    if (outcome.type !== "complete" || running >= mostAtOnce || deps.stopping.aborted) return;
    running++;
    give(request, outcome.response)
      .catch((err: unknown): TitleResult => {
        log.debug({ err, conversation_id: request.conversation_id }, "a conversation stays without a title");
        return "failed";
      })
      .then((result) => {
        running--;
        if (result !== undefined) onResult(result);
      })
      .catch((err: unknown) => log.error({ err }, "a title is not in the figures"));
  };
}

/** The turn that has just ended is the only one that is recorded. */
async function isFirst({ transcripts }: Pick<Bus, "transcripts">, conversation: ConversationId): Promise<boolean> {
  const { turns, before } = await transcripts.tail(conversation, { limit: 2 });
  return turns.length === 1 && before === 0;
}

function titleCall(modelName: string | undefined, turn: TurnRequest, answer: string): ShortCall {
  const { turn_id } = turn;
  return {
    ...{ purpose: "title", modelName, turn, timeoutMs },
    messages: [
      { role: "system", content: instruction },
      { role: "user", content: `${beginning(textOrNames(turn))}\n\nThe answer was:\n${beginning(answer)}` },
    ],
    requestId: `${turn_id}-title`,
    maxOutputTokens: outputTokens,
  };
}

function beginning(text: string): string {
  return text.slice(0, shownChars).toWellFormed();
}

/** The first line that says something, without what models put around it. */
export function lineOf(text: string): string {
  const line = text
    .split(/\r?\n/)
    .map((one) => titleLine(one).replaceAll(/^[\s#*_"'`«»„“”]+|[\s*_"'`«»„“”]+$/gu, ""))
    .find((one) => one !== "");
  if (line === undefined) return "";
  if (line.length <= titleChars) return line.toWellFormed();
  // Half of a character at the end would be no text.
  return `${line.slice(0, titleChars - 1).replace(/[\uD800-\uDBFF]$/, "")}…`.toWellFormed();
}
