import { z } from "zod";
import { CallId } from "./ids.ts";
import { callPart, isSource, isText, isToolCall, type Parts } from "./parts-fold.ts";
import { Part } from "./parts.ts";
import type { ToolCallState } from "./server-frames.ts";
import type { Source } from "./source.ts";

/**
 * The order of the parts of a message, for what has its text, calls and sources already: a text part is so many characters of the text, a call and a
 * source are named, and only what stands nowhere else (reasoning, data, …) is there whole.
 */
export const PartPlace = z.union([
  z.object({ chars: z.number().int().nonnegative() }),
  z.object({ call_id: CallId }),
  z.object({ source: z.number().int().nonnegative() }),
  z.object({ part: Part }),
]);
export type PartPlace = z.infer<typeof PartPlace>;

/** What the parts are made of. */
export interface PartContent {
  readonly text: string;
  readonly calls: readonly ToolCallState[];
  readonly sources?: readonly Source[] | undefined;
}

export function orderOf(parts: Parts, sources: readonly Source[] = []): PartPlace[] {
  return parts.map((part) => {
    if (isText(part)) return { chars: part.text.length };
    if (isToolCall(part)) return { call_id: part.call_id };
    const source = isSource(part) ? sources.findIndex((known) => isSame({ type: "source", ...known }, part)) : -1;
    return source < 0 ? { part } : { source };
  });
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Undefined: the order is not of this content, so nobody knows it. */
export function partsInOrder(
  order: readonly PartPlace[],
  { text, calls, sources = [] }: PartContent,
): Part[] | undefined {
  const open = new Map(calls.map((call) => [call.call_id, call]));
  let told = 0;
  const parts = order.map((place): Part | undefined => {
    if ("chars" in place) return { type: "text", text: text.slice(told, (told += place.chars)) };
    if ("call_id" in place) return takenFrom(open, place.call_id);
    if ("part" in place) return place.part;
    const source = sources[place.source];
    return source && { type: "source", ...source };
  });
  const known = parts.filter((part) => part !== undefined);
  return told === text.length && open.size === 0 && known.length === parts.length ? known : undefined;
}

function takenFrom(calls: Map<string, ToolCallState>, id: string): Part | undefined {
  const call = calls.get(id);
  calls.delete(id);
  return call && callPart(call);
}

const ranks = ["source", "chars", "call_id"] as const;

/** Whether it is what is taken to be the order where nobody says it: all sources, one text, calls, and nothing else. */
export function isUsualOrder(order: readonly PartPlace[], sources: readonly Source[] = []): boolean {
  const places = order.map((place) => ranks.findIndex((rank) => rank in place));
  const hasAllSources = sources.every((_, i) => isSame(order[i] ?? {}, { source: i }));
  const texts = order.filter((place) => "chars" in place).length;
  return hasAllSources && texts <= 1 && places.every((rank, i) => rank >= Math.max(0, places[i - 1] ?? 0));
}
