import { cutJsonText, limits, type Usage } from "@parley/protocol";
import type { FinishReason, ModelEvent } from "./model.ts";
import { ModelChunk } from "./model-chunk.ts";
import { truncated } from "./model-error.ts";
import { createToolCallAssembler, type ToolCallDelta } from "./tool-call-assembler.ts";

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

export type AnswerReader = ReturnType<typeof createAnswerReader>;

/** Folds the chunks of one stream into events. Pure: no clock, no connection. Throws ChatError MODEL_TRUNCATED. */
export function createAnswerReader(requestedModel: string) {
  const assembler = createToolCallAssembler();
  const texts = createPieces();
  const reasonings = createPieces();
  let finish: string | undefined;
  let usage: Usage | undefined;
  let model = requestedModel;

  function readToolCalls(deltas: readonly ToolCallDelta[]): boolean {
    const grew = deltas.map((delta) => assembler.add(delta)).includes(true);
    if (assembler.size() > MAX_TOOL_CALL_BYTES) throw truncated("the tool calls are too large", { permanent: true });
    if (assembler.count() > MAX_TOOL_CALLS) throw truncated("there are too many tool calls", { permanent: true });
    return grew;
  }

  return {
    /** `progressed` is false for chunks that say nothing: role only, empty text, keep-alive, usage. */
    read(data: unknown): { events: ModelEvent[]; progressed: boolean } {
      const chunk = parseChunk(data);
      finish = chunk.finish ?? finish;
      usage = chunk.usage ?? usage;
      if (chunk.model !== undefined) model = cutJsonText(chunk.model, MAX_NAME_BYTES);
      const grew = readToolCalls(chunk.toolCalls);
      const progressed = grew || chunk.reasoning !== "" || chunk.text !== "";
      return { events: textEvents(reasonings.next(chunk.reasoning), texts.next(chunk.text)), progressed };
    },
    /** The model has said that it is done; only the usage may still come. */
    isFinished: () => finish !== undefined,
    /** The last events. The calls decide whether tools are wanted: some servers say "stop" although there are calls. */
    end(_how: StreamEnd): ModelEvent[] {
      const reason = finishReasonOf(finish);
      const end: ModelEvent = { type: "end", finish: reason, ...(usage && { usage }), model: model.toWellFormed() };
      const rest = textEvents(reasonings.rest(), texts.rest());
      const calls = assembler.calls();
      // What a filter left of a call may not be what the model meant.
      if (reason === "content_filter") return [...rest, end];
      if (calls.length === 0 && reason === "tool_calls") throw truncated("tool calls were announced, but none came");
      if (calls.length === 0) return [...rest, end];
      if (reason === "length" && !assembler.isWhole()) {
        throw truncated("the output limit cut the arguments of a tool call", { permanent: true });
      }
      if (calls.some((call) => call.name === "")) throw truncated("a tool call has no name");
      return [...rest, { type: "tool_calls", calls }, { ...end, finish: "tool_calls" }];
    },
  };
}

function textEvents(reasoning: string, text: string): ModelEvent[] {
  const events: ModelEvent[] = [];
  if (reasoning !== "") events.push({ type: "reasoning", text: reasoning });
  if (text !== "") events.push({ type: "text", text });
  return events;
}

function parseChunk(data: unknown): ModelChunk {
  const parsed = ModelChunk.safeParse(data);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join(".") ?? "";
  throw truncated(`a chunk is not as expected at "${where}"`);
}

function finishReasonOf(finish: string | undefined): FinishReason {
  switch (finish) {
    case undefined:
      throw truncated("the stream ended without finish_reason");
    case "error":
      throw truncated("the provider ended the answer with an error");
    case "length":
    case "max_tokens":
      return "length";
    case "content_filter":
      return "content_filter";
    case "tool_calls":
    case "function_call":
      return "tool_calls";
    default:
      // "end_turn", "eos" and the like.
      return "stop";
  }
}
