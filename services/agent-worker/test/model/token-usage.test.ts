import { expect, test } from "vitest";
import { usageOf } from "../../src/model/token-usage.ts";

const counted = { prompt_tokens: 100, completion_tokens: 7 };

test.each([
  ["OpenAI and most others", { ...counted, prompt_tokens_details: { cached_tokens: 64 } }, 64],
  ["the Responses form", { input_tokens: 100, output_tokens: 7, input_tokens_details: { cached_tokens: 64 } }, 64],
  ["DeepSeek", { ...counted, prompt_cache_hit_tokens: 64, prompt_cache_miss_tokens: 36 }, 64],
  ["Moonshot", { ...counted, cached_tokens: 64 }, 64],
  ["more than were read", { ...counted, cached_tokens: 640 }, 100],
])("cached tokens as they are told by %s", (_who, told, cached_tokens) => {
  expect(usageOf(told)).toEqual({ input_tokens: 100, output_tokens: 7, cached_tokens });
});

test.each([
  [{}],
  [{ prompt_tokens_details: null }],
  [{ cached_tokens: 0 }],
  [{ cached_tokens: -1 }],
  [{ cached_tokens: "x" }],
])("none are told by %j", (told) => {
  expect(usageOf({ ...counted, ...told })).toEqual({ input_tokens: 100, output_tokens: 7 });
});
