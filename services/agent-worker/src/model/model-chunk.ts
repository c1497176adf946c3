import { z } from "zod";
import { ToolCallDelta } from "./tool-call-assembler.ts";

const Delta = z
  .object({
    content: z.string().nullish(),
    /** Why the model will not answer; it is the answer then. */
    refusal: z.string().nullish(),
    /** Not part of OpenAI's format: DeepSeek and vLLM say `reasoning_content`, OpenRouter `reasoning`. */
    reasoning_content: z.string().nullish(),
    reasoning: z.string().nullish(),
    tool_calls: z.array(ToolCallDelta).nullish(),
  })
  .transform(({ content, refusal, reasoning_content, reasoning, tool_calls }) => ({
    text: (content ?? "") + (refusal ?? ""),
    reasoning: reasoning_content || reasoning || "",
    toolCalls: tool_calls ?? [],
  }));

const nothing: z.infer<typeof Delta> = { text: "", reasoning: "", toolCalls: [] };

const Choice = z
  .object({
    delta: Delta.nullish(),
    /** In place of `delta` from servers that send the whole answer in one chunk. */
    message: Delta.nullish(),
    finish_reason: z.string().nullish(),
  })
  .transform(({ delta, message, finish_reason }) => ({
    ...(delta ?? message ?? nothing),
    finish: finish_reason || undefined,
  }));

const TokenUsage = z
  .object({ prompt_tokens: z.number(), completion_tokens: z.number() })
  .transform(({ prompt_tokens, completion_tokens }) => ({
    input_tokens: prompt_tokens,
    output_tokens: completion_tokens,
  }));

/** One `data:` of a chat completion stream: what Parley reads of it, as loose as the servers are. */
export const ModelChunk = z
  .object({
    model: z.string().nullish(),
    /** Empty in the chunk that carries the usage, and in keep-alives. */
    choices: z.array(Choice).nullish(),
    usage: TokenUsage.nullish().catch(undefined),
  })
  .transform(({ model, choices, usage }) => ({
    ...(choices?.[0] ?? { ...nothing, finish: undefined }),
    model: model || undefined,
    usage: usage ?? undefined,
  }));
export type ModelChunk = z.infer<typeof ModelChunk>;
