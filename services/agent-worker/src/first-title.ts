import type { Bus } from "@parley/bus";
import { titleLine, type ConversationId, type Outcome, type TurnRequest } from "@parley/protocol";
import { noSpan, type Logger } from "@parley/runtime";
import type { ModelCall, ModelCalls } from "./model-call.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "./model/model.ts";
import { estimateUsage } from "./prompt.ts";
import type { TurnUsage } from "./turn-usage.ts";

/** `given`: it is the conversation's title. `late`: somebody gave one meanwhile, or the conversation is no more. `empty`: the model said nothing. */
export type TitleResult = "given" | "late" | "empty" | "failed";

export interface FirstTitleDeps {
  readonly bus: Pick<Bus, "titles" | "transcripts">;
  readonly model: ModelClient;
  readonly modelCalls: ModelCalls;
  /** Default: the provider's. */
  readonly modelName: string | undefined;
  /** What they use counts for whoever has asked. */
  readonly usage: Pick<TurnUsage, "beside">;
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
  const { bus, onResult, log } = deps;
  let running = 0;

  const give = async (request: TurnRequest, answer: string): Promise<TitleResult | undefined> => {
    const { conversation_id: conversation } = request;
    const place = await bus.titles.placeOf(conversation);
    if (place.title !== undefined || !(await isFirst(bus, conversation))) return undefined;
    const title = lineOf(await ask(deps, request, answer));
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

async function ask(
  { model, modelCalls, modelName, usage, stopping }: FirstTitleDeps,
  turn: TurnRequest,
  answer: string,
): Promise<string> {
  const { conversation_id: conversation, turn_id, message } = turn;
  const spending = usage.beside(turn, "title");
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)]);
  const request: ModelRequest = {
    messages: [
      { role: "system", content: instruction },
      { role: "user", content: `${beginning(message)}\n\nThe answer was:\n${beginning(answer)}` },
    ],
    tools: [],
    requestId: `${turn_id}-title`,
    maxOutputTokens: outputTokens,
    meter: spending.meter,
    ...(modelName === undefined ? {} : { model: modelName }),
  };
  const call = modelCalls({ parent: noSpan, model: modelName, agent: "title", conversation, step: 0, signal });
  try {
    const text = await textOf({ model, request, signal, call });
    void spending.settle("complete");
    return text;
  } catch (error) {
    void spending.settle("error");
    call.failed(error);
    throw error;
  }
}

async function textOf({
  model,
  request,
  signal,
  call,
}: {
  readonly model: ModelClient;
  readonly request: ModelRequest;
  readonly signal: AbortSignal;
  readonly call: ModelCall;
}): Promise<string> {
  let text = "";
  let end: Extract<ModelEvent, { type: "end" }> | undefined;
  await model.stream(request, signal, (events) => {
    for (const event of events) {
      if (event.type === "text") text += event.text;
      else if (event.type === "retract") text = "";
      else if (event.type === "end") end = event;
      if (event.type !== "end") call.saw();
    }
  });
  if (end !== undefined) call.answered(end, end.usage ?? estimateUsage(request.messages, text));
  return text;
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
