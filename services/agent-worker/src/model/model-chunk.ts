import type { Usage } from "@parley/protocol";
import { finishOf, type Finish } from "./finish.ts";
import { indexOf, isFields, textOf, type Fields } from "./fields.ts";
import { usageOf } from "./token-usage.ts";

/** What one `data:` of a chat completion stream says. */
export interface ModelChunk {
  text: string;
  reasoning: string;
  /** Pieces of tool calls, as they came; `index` where only their place tells it. */
  calls: CallPiece[];
  /** The delta, if it has fields of the message that the provider may want to have back. */
  message: Fields | undefined;
  finish: Finish | undefined;
  model: string;
  usage: Usage | undefined;
}

export interface CallPiece {
  readonly value: Fields;
  readonly index: number | undefined;
}

/** Deeper content is nobody's. */
const maxDepth = 8;

/**
 * Reads the chunks of one stream, each field by itself: what is odd in one leaves the others as they are, and nothing is ever thrown. Of several
 * choices (`n` > 1) one is read. Runs once per token: the plain chunk `{choices: [{delta: {content}}]}` takes no detour.
 */
export function createChunkReader() {
  let chosen: number | undefined;
  /** A delta has said something. What a message has after that repeats the answer. */
  let hasSaid = false;
  /** The one choice has said something: it stays that one. */
  let isSettled = false;

  const readChoice = (choice: Fields, chunk: ModelChunk): void => {
    const { delta, message } = choice;
    // Gemini has had it under another name, beside a null.
    const finish = choice["finish_reason"] ?? choice["finishReason"];
    if (finish !== null && finish !== undefined) chunk.finish = finishOf(finish);
    if (choice["usage"] !== undefined) chunk.usage = usageOf(choice["usage"]) ?? chunk.usage;
    if (isFields(delta)) {
      readDelta(delta, chunk);
      hasSaid ||= saysSomething(chunk);
      // Some servers have both, and the delta is empty.
      if (!hasSaid && isFields(message)) readDelta(message, chunk);
    } else readInstead(choice, chunk);
  };
  /** What stands in place of a delta. */
  const readInstead = ({ delta, message, text }: Fields, chunk: ModelChunk): void => {
    if (typeof delta === "string") chunk.text += delta;
    else if (isFields(message)) readDelta(hasSaid ? { ...message, content: null, refusal: null } : message, chunk);
    // The older completions.
    else if (typeof text === "string") chunk.text += text;
  };

  const isChosen = (choice: Fields): boolean => {
    const index = indexOf(choice["index"]) ?? chosen ?? 0;
    if (index === 0 && !isSettled) chosen = 0;
    chosen ??= index;
    return index === chosen;
  };

  return (data: unknown): ModelChunk => {
    const chunk = emptyChunk();
    if (!isFields(data)) return chunk;
    chunk.model = textOf(data["model"]);
    const { usage } = data;
    if (usage !== undefined && usage !== null) chunk.usage = usageOf(usage);
    const choices = choicesOf(data);
    if (chosen === undefined && choices.some((choice) => isFields(choice) && indexOf(choice["index"]) === 0))
      chosen = 0;
    for (const choice of choices) if (isFields(choice) && isChosen(choice)) readChoice(choice, chunk);
    isSettled ||= saysSomething(chunk);
    return chunk;
  };
}

function saysSomething({ text, reasoning, calls }: ModelChunk): boolean {
  return text !== "" || reasoning !== "" || calls.length > 0;
}

/** Spelt out: with one shape for all of them the reader is several times as fast. */
function emptyChunk(): ModelChunk {
  return {
    text: "",
    reasoning: "",
    calls: [],
    message: undefined,
    finish: undefined,
    model: "",
    usage: undefined,
  };
}

function choicesOf({ choices }: Fields): readonly unknown[] {
  if (Array.isArray(choices)) return choices;
  if (!isFields(choices)) return [];
  // One choice by itself, or each under its number.
  return "delta" in choices || "message" in choices || "text" in choices ? [choices] : Object.values(choices);
}

/** Where reasoning stands, none of it part of OpenAI's format. Only the first that says something is read: servers send several that say the same. */
const reasoningFields = ["reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details"];

function readDelta(delta: Fields, chunk: ModelChunk): void {
  let isPlain = true;
  for (const name in delta) {
    const value = delta[name];
    if (name === "content" || name === "refusal") {
      if (typeof value === "string") chunk.text += value;
      else addContent(chunk, "text", value, 0);
    } else if (name !== "role" && value !== null) isPlain = false;
  }
  if (isPlain) return;
  chunk.message = delta;
  if (delta["content"] === undefined && typeof delta["text"] === "string") chunk.text += delta["text"];
  readReasoning(delta, chunk);
  addCalls(chunk.calls, delta["tool_calls"]);
  const { function_call: call } = delta;
  if (isFields(call)) chunk.calls.push({ value: { function: call }, index: 0 });
}

function readReasoning(delta: Fields, chunk: ModelChunk): void {
  const before = chunk.reasoning;
  for (const name of reasoningFields) {
    const value = delta[name];
    if (typeof value === "string") chunk.reasoning += value;
    else if (value !== undefined) addContent(chunk, "reasoning", value, 0);
    if (chunk.reasoning !== before) return;
  }
}

type Kind = "text" | "reasoning";

/** Content is a text, a list of parts, or one part; a part has its text under a name of its own, or parts again. */
function addContent(chunk: ModelChunk, kind: Kind, value: unknown, depth: number): void {
  if (typeof value === "string") chunk[kind] += value;
  else if (typeof value === "number") chunk[kind] += String(value);
  else if (depth >= maxDepth) return;
  else if (Array.isArray(value)) for (const part of value) addContent(chunk, kind, part, depth + 1);
  else if (isFields(value)) addPart(chunk, kind, value, depth);
}

const textTypes = /^(?:(?:output_|input_|summary_)?text(?:_delta)?|refusal)$/;
const reasoningTypes = /^(?:thinking|reasoning|thought|summary)/;
const partTexts = ["text", "thinking", "reasoning", "refusal", "content", "summary", "value"];

function addPart(chunk: ModelChunk, kind: Kind, part: Fields, depth: number): void {
  const type = textOf(part["type"]);
  const isReasoning = reasoningTypes.test(type);
  if (type !== "" && !isReasoning && !textTypes.test(type)) return;
  const name = partTexts.find((one) => part[one] !== undefined && part[one] !== null);
  if (name !== undefined) addContent(chunk, isReasoning ? "reasoning" : kind, part[name], depth + 1);
}

/** A list, one call by itself, or each under its number. */
function addCalls(calls: CallPiece[], value: unknown): void {
  if (Array.isArray(value)) {
    for (const each of value) if (isFields(each)) calls.push({ value: each, index: undefined });
  } else if (isFields(value)) {
    if ("function" in value || "name" in value || "arguments" in value) calls.push({ value, index: undefined });
    else
      for (const [key, each] of Object.entries(value))
        if (isFields(each)) calls.push({ value: each, index: indexOf(key) });
  }
}
