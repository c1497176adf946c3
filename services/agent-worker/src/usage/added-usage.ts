import type { Usage } from "@parley/protocol";
import { addedCost } from "./cost.ts";

/** Both together. What nobody has said is left out. */
export function addedUsage(one: Usage, other: Usage): Usage {
  const cached = (one.cached_tokens ?? 0) + (other.cached_tokens ?? 0);
  return {
    input_tokens: one.input_tokens + other.input_tokens,
    output_tokens: one.output_tokens + other.output_tokens,
    ...(cached === 0 ? {} : { cached_tokens: cached }),
    ...(one.estimated === true || other.estimated === true ? { estimated: true } : {}),
    ...addedCost(one, other),
  };
}
