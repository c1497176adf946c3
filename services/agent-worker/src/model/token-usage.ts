import type { Usage } from "@parley/protocol";
import { isFields, type Fields } from "./fields.ts";

/** No answer has used more tokens; what says so is no count. */
const mostTokens = 1e9;

/** What a provider says an answer has used. Undefined where that makes no sense: the caller estimates. */
export function usageOf(value: unknown): Usage | undefined {
  if (!isFields(value)) return undefined;
  const input = countOf(value["prompt_tokens"] ?? value["input_tokens"]);
  const output = countOf(value["completion_tokens"] ?? value["output_tokens"]);
  // Servers that count nothing send zeros.
  if (input === undefined || output === undefined || input + output === 0) return undefined;
  const cached = Math.min(input, cachedOf(value) ?? 0);
  return { input_tokens: input, output_tokens: output, ...(cached > 0 ? { cached_tokens: cached } : {}) };
}

/** OpenAI and most others; the Responses form; DeepSeek; Moonshot. */
function cachedOf(usage: Fields): number | undefined {
  const details = usage["prompt_tokens_details"] ?? usage["input_tokens_details"];
  const told = isFields(details) ? details["cached_tokens"] : undefined;
  return countOf(told ?? usage["prompt_cache_hit_tokens"] ?? usage["cached_tokens"]);
}

function countOf(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof count !== "number" || !Number.isFinite(count) || count < 0 || count > mostTokens) return undefined;
  return Math.round(count);
}
