import type { FinishReason } from "./model.ts";

/** What a provider's word for the end of an answer means. `error`: the provider broke off. */
export type Finish = Exclude<FinishReason, "empty"> | "error";

/** By OpenAI, Anthropic, Gemini, Cohere, Mistral, DeepSeek, Zhipu, Bedrock, TGI, vLLM and SGLang; in lower case with underscores. */
const words: Readonly<Record<Exclude<Finish, "other">, string>> = {
  stop: "stop stopped end end_turn eos eos_token end_of_text end_of_sequence stop_sequence stop_token stop_word complete completed done finish finished success",
  length:
    "length max_tokens max_token max_length max_new_tokens max_output_tokens max_completion_tokens model_length model_context_window_exceeded context_length context_length_exceeded token_limit output_limit incomplete error_limit",
  content_filter:
    "content_filter content_filtered content_policy safety image_safety recitation sensitive refusal refused blocklist blocked prohibited_content spii guardrail_intervened moderation error_toxic",
  tool_calls: "tool_calls tool_call tool_use function_call function_calls",
  error:
    "error network_error server_error internal_error engine_error unknown_error insufficient_system_resource overloaded abort aborted cancelled canceled user_cancel timeout failed malformed_function_call unexpected_tool_call",
};

const meanings = new Map<string, Finish>(
  (["stop", "length", "content_filter", "tool_calls", "error"] as const).flatMap((finish) =>
    words[finish].split(" ").map((word): [string, Finish] => [word, finish]),
  ),
);

/** Words that some servers send until there is a reason. */
const none: ReadonlySet<string> = new Set(["", "null", "none", "unspecified", "in_progress", "continue", "undefined"]);

/** Undefined: it has not ended yet. */
export function finishOf(value: unknown): Finish | undefined {
  // As nearly every answer says it.
  if (value === null || value === undefined) return undefined;
  if (value === "stop") return "stop";
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const word = String(value)
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, "_")
    .replace(/^finish_reason_/, "");
  if (none.has(word)) return undefined;
  // With its reason: `content_filter: RECITATION`.
  const [kind = "", reason = ""] = word.split(/_?:_?/);
  return meanings.get(word) ?? meanings.get(kind) ?? meanings.get(reason) ?? "other";
}

const order: readonly Finish[] = ["other", "stop", "tool_calls", "length", "content_filter", "error"];

/** Of two reasons the one that says more: a plain "stop" in the next chunk does not make an answer whole that was cut. */
export function worseOf(one: Finish | undefined, other: Finish | undefined): Finish | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return order.indexOf(one) > order.indexOf(other) ? one : other;
}
