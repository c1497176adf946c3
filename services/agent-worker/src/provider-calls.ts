import { cutJsonText, jsonBytes, limits, type ProviderCall } from "@parley/protocol";
import type { RequestedCall } from "./model/model.ts";
import type { TurnFold } from "./turn-fold.ts";

/**
 * What is kept with a step for the model's provider, within `stepProviderBytes` and what the turn has left. Ids and fields of calls go first: without
 * a signature the next request is refused. Reasoning gets at most half of what is left to the turn, and is cut to it if it is text.
 */
export function providerCallsOf(requested: readonly RequestedCall[], fold: TurnFold): (ProviderCall | undefined)[] {
  const earlier = fold.steps.flatMap(({ calls }) => calls.flatMap(({ provider }) => provider ?? []));
  const turnLeft = limits.turnProviderBytes - earlier.reduce((sum, provider) => sum + jsonBytes(provider), 0);
  let left = Math.min(limits.stepProviderBytes, turnLeft);
  const ids = new Set(earlier.flatMap(({ id }) => id ?? []));
  const kept = requested.map(({ provider }) => {
    if (provider === undefined) return undefined;
    const { message_fields: _message, ...own } = withFreshId(provider, ids);
    const bytes = jsonBytes(own);
    if (bytes <= emptyBytes || bytes > left) return undefined;
    left -= bytes;
    return own;
  });
  const fields = fitFields(requested[0]?.provider?.message_fields, Math.min(left, turnLeft / 2) - wrapperBytes);
  return fields === undefined ? kept : [{ ...kept[0], message_fields: fields }, ...kept.slice(1)];
}

/** "{}" */
const emptyBytes = 2;
/** The name of `message_fields`, and what is around it. */
const wrapperBytes = 24;

/** An id that another call of the turn has is none: results would be taken for those of the other. */
function withFreshId({ id, ...others }: ProviderCall, ids: Set<string>): ProviderCall {
  if (id === undefined || ids.has(id)) return others;
  ids.add(id);
  return { id, ...others };
}

function fitFields(fields: ProviderCall["message_fields"], maxBytes: number): ProviderCall["message_fields"] {
  let left = maxBytes - emptyBytes;
  const fitted: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    const room = left - jsonBytes({ [name]: "" });
    const kept = typeof value === "string" ? cutJsonText(value, Math.max(0, room)) : value;
    const bytes = jsonBytes({ [name]: kept });
    if (kept === "" || bytes > left) continue;
    fitted[name] = kept;
    left -= bytes;
  }
  return Object.keys(fitted).length === 0 ? undefined : fitted;
}
