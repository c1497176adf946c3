import { cutJsonText, limits, type Usage } from "@parley/protocol";
import { worseOf, type Finish } from "./finish.ts";
import { createMessageFields } from "./message-fields.ts";
import { createChunkReader, type CallPiece } from "./model-chunk.ts";
import type { FinishReason, ModelEvent, RequestedCall } from "./model.ts";
import { noAnswer, reportedError, truncated } from "./model-error.ts";
import { isBlank } from "./provider-words.ts";
import { createTemplateMarks } from "./template-marks.ts";
import { createThinkTags, type ThinkEvent, type ThinkTagsOptions } from "./think-tags.ts";
import { isFields, textOf } from "./fields.ts";
import { createToolCallAssembler } from "./tool-call-assembler.ts";

/**
 * All calls of one answer together, as long as they come: what is above our own limits but below this is a result that the model reads
 * (see `stepCallsOf`), what is above this is given up.
 */
const MAX_TOOL_CALL_BYTES = 4 * limits.stepArgumentsBytes;
const MAX_TOOL_CALLS = 1_000;
/** Of the model's name, as it calls itself. */
const MAX_NAME_BYTES = 128;

/**
 * Makes texts well-formed that come in pieces. Half of a character at the end of one waits for the next: by itself it could only become U+FFFD, and
 * so could its other half.
 */
function createPieces() {
  let half = "";
  return {
    next(piece: string): string {
      if (piece === "") return "";
      const text = half + piece;
      const last = text.charCodeAt(text.length - 1);
      half = last >= 0xd800 && last < 0xdc00 ? text.slice(-1) : "";
      return (half === "" ? text : text.slice(0, -1)).toWellFormed();
    },
    /** What still waits when no more comes. */
    rest: (): string => half.toWellFormed(),
  };
}

/** `done`: the provider said so (`[DONE]`, or a whole body). `closed`: the connection ended in order. `broken`: it broke off. */
export type StreamEnd = "done" | "closed" | "broken";

export interface AnswerReaderOptions extends Omit<ThinkTagsOptions, "onReasoning"> {
  /** Told at the end of an answer that shows it: whether it began within the reasoning. */
  readonly onStartKnown?: (start: "open" | "tagged") => void;
}
export type AnswerReader = ReturnType<typeof createAnswerReader>;

/**
 * Folds the chunks of one stream into events. Pure: no clock, no connection. No chunk is too odd to be read; what throws a ChatError is an error that
 * the provider reports, and tool calls beyond all bounds.
 */
export function createAnswerReader(requestedModel: string, options: AnswerReaderOptions = {}) {
  const readChunk = createChunkReader();
  const said = createSaid(options);
  const calls = createCalls();
  const finish = createFinish();
  const format = createFormat();
  let usage: Usage | undefined;
  let isCounted = false;
  const model = createModelName(requestedModel);

  return {
    /** `progressed` is false for chunks that say nothing: role only, empty text, keep-alive, usage. */
    read(data: unknown): { events: ModelEvent[]; progressed: boolean } {
      if (hasError(data)) throw reportedError("the provider sent an error");
      format.see(data);
      const chunk = readChunk(data);
      if (chunk.usage !== undefined) ({ usage } = chunk);
      model.see(chunk.model);
      if (chunk.message !== undefined) said.fields.add(chunk.message);
      const grew = chunk.calls.length > 0 && calls.add(chunk.calls);
      const progressed = grew || chunk.reasoning !== "" || chunk.text !== "";
      isCounted ||= finish.told() !== undefined && chunk.usage !== undefined && isWithoutChoice(data);
      finish.add(chunk.finish, progressed);
      return { events: progressed ? said.add(chunk.reasoning, chunk.text) : [], progressed };
    },
    /** The model has said that it is done; only the usage may still come. */
    isFinished: () => finish.told() !== undefined,
    /** After that the usage came, in a chunk that had nothing else. */
    isCounted: () => isCounted,
    /** The provider told in place of the rest that its filter has held it back. */
    heldBack: (): void => finish.add("content_filter", false),
    /** A part of the stream could not be read. What came is kept, but it is not told as whole. */
    lost(): void {
      finish.lost();
      calls.lost();
    },
    /** The last events. The calls decide whether tools are wanted: some servers say "stop" although there are calls. */
    end(how: StreamEnd): ModelEvent[] {
      if (format.isOther()) throw noAnswer("the provider does not answer as a chat completion");
      const told = toldFinish(finish.told() ?? (how === "done" ? "stop" : undefined));
      const requested = calls.end(told, finish.isSure(how), finish.hasLost());
      const rest = said.end(requested.length > 0);
      const reason = finishReasonOf(told, requested, { said, hasLost: finish.hasLost() });
      if (reason === "stop" || reason === "tool_calls" || reason === "other") said.tellStart();
      const end: ModelEvent = { type: "end", finish: reason, ...(usage && { usage }), model: model.name() };
      if (reason !== "tool_calls") return [...rest, end];
      return [...rest, { type: "tool_calls", calls: withMessage(requested, said.fields.all()) }, end];
    },
    /** The last events of an answer that has no end. */
    breakOff: (): ModelEvent[] => said.breakOff(),
  };
}

/** The model's name, as it calls itself last. */
function createModelName(requested: string) {
  let seen = "";
  let name = requested.toWellFormed();
  return {
    name: (): string => name,
    see(said: string): void {
      if (said === "" || said === seen) return;
      seen = said;
      name = cutJsonText(said, MAX_NAME_BYTES).toWellFormed();
    },
  };
}

function isWithoutChoice(data: unknown): boolean {
  return isFields(data) && Array.isArray(data["choices"]) && data["choices"].length === 0;
}

/** An empty object is none, nor is null: some servers have it in every chunk. */
function hasError(data: unknown): boolean {
  return isFields(data) && isFields(data["error"]) && !isBlank(data["error"]);
}

/** Events and fields of other APIs: Anthropic's, OpenAI's responses, Gemini's, Workers AI, Ollama's, TGI's, DashScope's. */
const otherTypes = /^(?:message_|content_block_|response\.)/;
const otherFields = ["response", "candidates", "generated_text", "completion", "output"];

/** Whether the server speaks another API: it will not answer another time either. */
function createFormat() {
  let hasChoices = false;
  let isOther = false;
  return {
    see(data: unknown): void {
      if (hasChoices || !isFields(data)) return;
      hasChoices = "choices" in data;
      isOther ||= otherTypes.test(textOf(data["type"])) || otherFields.some((name) => name in data);
    },
    isOther: (): boolean => isOther && !hasChoices,
  };
}

/** Text and reasoning, apart from each other. */
function createSaid(options: AnswerReaderOptions) {
  const texts = createPieces();
  const marks = createTemplateMarks();
  const reasonings = createPieces();
  const fields = createMessageFields();
  const tags = createThinkTags({ ...options, onReasoning: fields.tagged });
  let hasText = false;
  let isNothing = true;

  const events = (reasoning: string, split: ThinkEvent[]): ModelEvent[] => {
    for (const event of split) {
      if (event.type === "retract") hasText = false;
      else if (event.type === "text") hasText ||= event.text.trim() !== "";
    }
    return reasoning === "" ? split : [{ type: "reasoning", text: reasoning }, ...split];
  };

  return {
    fields,
    hasText: () => hasText,
    isNothing: () => isNothing,
    add(reasoning: string, text: string): ModelEvent[] {
      isNothing &&= reasoning === "" && text === "";
      if (reasoning === "") return events("", tags.add(marks.next(texts.next(text))));
      const split = tags.reasoningCameApart();
      return events(reasonings.next(reasoning), [...split, ...tags.add(marks.next(texts.next(text)))]);
    },
    end: (hasCalls: boolean): ModelEvent[] =>
      events(reasonings.rest(), [...tags.add(marks.last(texts.rest())), ...tags.end(hasCalls)]),
    breakOff: (): ModelEvent[] => events("", tags.breakOff()),
    tellStart(): void {
      if (tags.hadBareEnd()) options.onStartKnown?.("open");
      else if (hasText) options.onStartKnown?.("tagged");
    },
  };
}

/** How the model says that it is done. */
function createFinish() {
  let finish: Finish | undefined;
  let wentOn = false;
  /** Before a finish_reason, or after one. */
  let [isLost, isLostAfter] = [false, false];
  return {
    lost(): void {
      if (finish === undefined) isLost = true;
      else isLostAfter = true;
    },
    hasLost: (): boolean => isLost || (isLostAfter && wentOn),
    add(next: Finish | undefined, progressed: boolean): void {
      wentOn ||= finish !== undefined && progressed;
      finish = worseOf(finish, next);
    },
    told: () => finish,
    /** Whether nothing was to come any more. Some servers have a finish_reason in every chunk: it is no end then. */
    isSure: (how: StreamEnd): boolean => how === "done" || (how === "closed" && !wentOn),
  };
}

function createCalls() {
  const assembler = createToolCallAssembler();
  let hasLost = false;
  return {
    /** It may have been the middle of arguments that look whole without it. */
    lost(): void {
      hasLost ||= assembler.count() > 0;
    },
    add(pieces: readonly CallPiece[]): boolean {
      const grew = pieces.map((piece) => assembler.add(piece)).includes(true);
      if (assembler.size() > MAX_TOOL_CALL_BYTES) throw truncated("the tool calls are too large", { permanent: true });
      if (assembler.count() > MAX_TOOL_CALLS) throw truncated("there are too many tool calls", { permanent: true });
      return grew;
    },
    /** What a filter left of a call may not be what the model meant. `isSure`: absent arguments were not to come any more. */
    end(finish: Finish, isSure: boolean, isLossy: boolean): RequestedCall[] {
      const requested = finish === "content_filter" ? [] : assembler.calls();
      if (finish === "length" && requested.length > 0 && !assembler.isWhole()) {
        throw truncated("the output limit cut the arguments of a tool call", { permanent: true });
      }
      if (!isSure && requested.length > 0 && !assembler.isWhole()) throw truncated("the stream broke in a tool call");
      const mayLack = requested.length > 0 ? hasLost : isLossy && finish === "tool_calls";
      if (mayLack) throw truncated("a part of the tool calls could not be read");
      return named(requested);
    },
  };
}

function named(calls: RequestedCall[]): RequestedCall[] {
  if (calls.some((call) => call.name === "")) throw truncated("a tool call has no name");
  return calls;
}

function toldFinish(finish: Finish | undefined): Exclude<Finish, "error"> {
  if (finish === undefined) throw truncated("the stream ended without finish_reason");
  if (finish === "error") throw reportedError("the provider ended the answer with an error");
  return finish;
}

function finishReasonOf(
  finish: Exclude<Finish, "error">,
  calls: readonly RequestedCall[],
  { said, hasLost }: { said: Pick<ReturnType<typeof createSaid>, "hasText" | "isNothing">; hasLost: boolean },
): FinishReason {
  if (calls.length > 0) return "tool_calls";
  if (finish === "length" || finish === "content_filter") return finish;
  if (hasLost && said.isNothing()) throw noAnswer("nothing of the stream could be read");
  if (!said.hasText()) return "empty";
  if (hasLost) return "other";
  // Calls were announced and none came, but there is an answer.
  return finish === "tool_calls" ? "stop" : finish;
}

/** What is of the whole message goes with its first call. */
function withMessage(calls: RequestedCall[], fields: Readonly<Record<string, unknown>> | undefined): RequestedCall[] {
  const [first, ...others] = calls;
  if (first === undefined || fields === undefined) return calls;
  return [{ ...first, provider: { ...first.provider, message_fields: fields } }, ...others];
}
