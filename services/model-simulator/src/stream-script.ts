import { errorBody } from "./api-error.ts";
import { type CompletionIdentity, SYSTEM_FINGERPRINT, toolCallBodies, usageBody } from "./completion.ts";
import type { Break, Generation } from "./generation.ts";
import { splitTokens } from "./tokens.ts";

/** One thing to do on the stream. Sending is paced by tokens; what carries none goes out with what is before it. */
export type ScriptStep =
  | { kind: "send"; text: string; tokens: number }
  | { kind: "break"; how: Break["kind"] }
  | { kind: "fail"; text: string };

/** Deviations that hurt in mid-stream come after this many tokens. */
const FAULT_AFTER_TOKENS = 2;
const ARGUMENT_PIECE_LENGTH = 12;
const MID_STREAM_ERROR = errorBody({
  message: "Simulated error in mid-stream.",
  type: "server_error",
  code: "simulated",
});

/**
 * The whole stream of one answer, made lazily: an answer may have a million tokens, and thousands are open at once.
 * Source of the format: OpenAI's chat completion chunks; `[DONE]` ends a good stream.
 */
export function* streamScript(
  generation: Generation,
  identity: CompletionIdentity,
  includeUsage: boolean,
): Generator<ScriptStep, void> {
  const chunk = createChunkWriter(identity, includeUsage);
  const { deviations } = generation;
  if (deviations.has("onechunk")) yield wholeAnswer(generation, identity, chunk);
  else yield* broken(pieces(generation, identity, chunk), generation, chunk);
  if (!deviations.has("onechunk")) yield send(chunk({}, generation.finishReason));
  if (includeUsage && !deviations.has("nousage")) yield send(usageChunk(generation, identity));
  yield send("data: [DONE]\n\n");
}

type ChunkWriter = (delta: unknown, finishReason?: string) => string;

function createChunkWriter(identity: CompletionIdentity, includeUsage: boolean): ChunkWriter {
  const head = `data: ${JSON.stringify({
    id: identity.id,
    object: "chat.completion.chunk",
    created: identity.created,
    model: identity.model,
    system_fingerprint: SYSTEM_FINGERPRINT,
  }).slice(0, -1)},"choices":[{"index":0,"delta":`;
  const tail = includeUsage ? `}],"usage":null}\n\n` : `}]}\n\n`;
  return (delta, finishReason) =>
    `${head}${JSON.stringify(delta)},"logprobs":null,"finish_reason":${finishReason === undefined ? "null" : JSON.stringify(finishReason)}${tail}`;
}

/** Role, text and tool calls: what a stream consists of before its end. */
function* pieces(
  generation: Generation,
  identity: CompletionIdentity,
  chunk: ChunkWriter,
): Generator<ScriptStep, void> {
  yield send(chunk({ role: "assistant", content: "", refusal: null }));
  for (const token of splitTokens(generation.thoughts)) yield send(chunk({ reasoning_content: token }), 1);
  for (const token of splitTokens(generation.text)) yield send(chunk({ content: token }), 1);
  for (const call of toolCallBodies(generation, identity)) {
    const { index } = call;
    const slot = index === undefined ? {} : { index };
    if (typeof call.function.arguments !== "string") {
      yield send(chunk({ tool_calls: [call] }), 1);
      continue;
    }
    yield send(chunk({ tool_calls: [{ ...call, function: { name: call.function.name, arguments: "" } }] }), 1);
    for (const piece of argumentPieces(call.function.arguments)) {
      yield send(chunk({ tool_calls: [{ ...slot, function: { arguments: piece } }] }), 1);
    }
  }
}

function argumentPieces(json: string): string[] {
  return json.match(new RegExp(`[^]{1,${ARGUMENT_PIECE_LENGTH}}`, "g")) ?? [];
}

/** The pieces with what the directives break about them, at the latest when the pieces are used up. */
function* broken(steps: Iterable<ScriptStep>, generation: Generation, chunk: ChunkWriter): Generator<ScriptStep, void> {
  const { deviations } = generation;
  const stop = generation.break;
  let tokens = 0;
  let faulty = false;
  for (const step of steps) {
    const next = step.kind === "send" ? step.tokens : 0;
    if (stop !== undefined && tokens + next > stop.afterTokens) break;
    if (!faulty && tokens + next > FAULT_AFTER_TOKENS) {
      faulty = true;
      yield* faults(deviations, chunk);
    }
    yield step;
    tokens += next;
  }
  if (stop !== undefined) yield { kind: "break", how: stop.kind };
  else if (!faulty) yield* faults(deviations, chunk);
}

function* faults(deviations: Generation["deviations"], chunk: ChunkWriter): Generator<ScriptStep, void> {
  if (deviations.has("emptychoices")) yield send(withoutChoices(chunk({})));
  if (deviations.has("badjson")) yield send(`data: {"id":"chatcmpl-simulated","choices":[{"delta":{"conten\n\n`);
  if (deviations.has("midchunkerror")) yield { kind: "fail", text: `data: ${MID_STREAM_ERROR}\n\n` };
}

function withoutChoices(chunk: string): string {
  return chunk.replace(/"choices":\[.*\]/, '"choices":[]');
}

function wholeAnswer(generation: Generation, identity: CompletionIdentity, chunk: ChunkWriter): ScriptStep {
  const calls = toolCallBodies(generation, identity);
  const thoughts = generation.thoughts === "" ? {} : { reasoning_content: generation.thoughts };
  const delta = {
    role: "assistant",
    ...thoughts,
    content: generation.text,
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  return send(chunk(delta, generation.finishReason), 1);
}

function usageChunk(generation: Generation, identity: CompletionIdentity): string {
  const { id, created, model } = identity;
  const head = { id, object: "chat.completion.chunk", created, model, system_fingerprint: SYSTEM_FINGERPRINT };
  return `data: ${JSON.stringify({ ...head, choices: [], usage: usageBody(generation) })}\n\n`;
}

function send(text: string, tokens = 0): ScriptStep {
  return { kind: "send", text, tokens };
}
