import { z } from "zod";
import { ToolCallDelta } from "./tool-call-assembler.ts";

const delta = z.object({
  content: z.string().nullish(),
  /** Why the model will not answer; it is the answer then. */
  refusal: z.string().nullish(),
  /** Not part of OpenAI's format: DeepSeek and vLLM say `reasoning_content`, OpenRouter `reasoning`. */
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
  tool_calls: z.array(ToolCallDelta).nullish(),
});

const choice = z.object({
  delta: delta.nullish(),
  /** In place of `delta` from servers that send the whole answer in one chunk. */
  message: delta.nullish(),
  finish_reason: z.string().nullish(),
});

const usage = z.object({ prompt_tokens: z.number(), completion_tokens: z.number() });

/** One `data:` of a chat completion stream: what Parley reads of it, as loose as the servers are. */
export const ModelChunk = z.object({
  model: z.string().nullish(),
  /** Empty in the chunk that carries the usage, and in keep-alives. */
  choices: z.array(choice).nullish(),
  usage: usage.nullish().catch(undefined),
});
export type ModelChunk = z.infer<typeof ModelChunk>;
