import type { Cost, Usage } from "@parley/protocol";
import type { Price } from "../model/model-table.ts";

/** What models cost. Amounts are in millionths of the currency, which is what one token costs at the price of a million. */

/** Rounded up: who settles with the provider never has counted less. */
function costOf({ input_tokens, output_tokens, cached_tokens = 0 }: Usage, price: Price): Cost {
  const { in: perInput, out: perOutput, cached = perInput, currency, as_of } = price;
  const kept = Math.min(cached_tokens, input_tokens);
  const micros = Math.ceil((input_tokens - kept) * perInput + kept * cached + output_tokens * perOutput);
  return { micros, currency, as_of };
}

export function withCost(usage: Usage, price: Price | undefined): Usage {
  return price === undefined ? usage : { ...usage, cost: costOf(usage, price) };
}

/** Both together, by the older of their prices. In two currencies there is no sum: the first one's stays, and the whole is no more than an estimate. */
export function addedCost(one: Usage, other: Usage): Pick<Usage, "cost" | "estimated"> {
  if (one.cost === undefined || other.cost === undefined) {
    const cost = one.cost ?? other.cost;
    return cost === undefined ? {} : { cost };
  }
  if (one.cost.currency !== other.cost.currency) return { cost: one.cost, estimated: true };
  const as_of = one.cost.as_of < other.cost.as_of ? one.cost.as_of : other.cost.as_of;
  return { cost: { ...one.cost, micros: one.cost.micros + other.cost.micros, as_of } };
}
