import type { ProviderWords } from "./provider-words.ts";

/** In the code or type of an error: Azure, OpenAI, LiteLLM, DashScope, Moonshot, Volcengine, gateways. */
const names = new RegExp(
  [
    "^content_?filter$",
    "content_?policy",
    "policy_?violation",
    "data_?inspection",
    "sensitive_?(?:content|words)",
    "prohibited_?content",
    "(?:prompt|content)_?blocked",
    "^moderation",
  ].join("|"),
  "i",
);

/** In its sentence: Azure; DeepSeek; Moonshot; DashScope; xAI; OpenRouter and OpenAI; Zhipu. */
const sentences = new RegExp(
  [
    "content management policy",
    "content exists risk",
    "considered high risk",
    "inappropriate content",
    "content violates",
    "content_?policy_?violation",
    "responsible ai practices",
    "(?:input|prompt|request|content|message) was (?:flagged|filtered|blocked)",
    "不安全或敏感",
  ].join("|"),
  "i",
);

/** A request that cannot be answered for another reason has other ones. */
const statuses: ReadonlySet<number | undefined> = new Set([undefined, 400, 403, 422, 451]);

/** Whether an error says that the provider's filter has held the answer, or the question, back. */
export function isFilterWords({ words, name = "" }: ProviderWords, status: number | undefined): boolean {
  return statuses.has(status) && (names.test(name) || sentences.test(words));
}
