import { z } from "zod";
import { ApprovalState } from "./approval.ts";
import { CallId } from "./ids.ts";
import { callPart, isSource, isText, isToolCall, type Parts } from "./parts-fold.ts";
import { Part } from "./parts.ts";
import type { ToolCallState } from "./server-frames.ts";
import type { Source } from "./source.ts";

/**
 * The order of the parts of a message, for what has its text, calls and sources already: a text part is so many characters of the text, a call and a
 * source are named, and only what stands nowhere else (reasoning, data, what people decided of a call, …) is there whole.
 */
export const PartPlace = z.union([
  z.object({ chars: z.number().int().nonnegative() }),
  z.object({ call_id: CallId, approval: ApprovalState.optional() }),
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

/** The same with what was asked and decided of the calls, which nothing else of a stored message says. */
export function orderWithApprovals(parts: Parts, sources: readonly Source[] = []): PartPlace[] {
  const approvals = new Map(parts.filter(isToolCall).map(({ call_id, approval }) => [call_id, approval]));
  return orderOf(parts, sources).map((place) => {
    const approval = "call_id" in place ? approvals.get(place.call_id) : undefined;
    return approval === undefined ? place : { ...place, approval };
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
    if ("call_id" in place) return takenFrom(open, place);
    if ("part" in place) return place.part;
    const source = sources[place.source];
    return source && { type: "source", ...source };
  });
  const known = parts.filter((part) => part !== undefined);
  return told === text.length && open.size === 0 && known.length === parts.length ? known : undefined;
}

type CallPlace = Extract<PartPlace, { readonly call_id: CallId }>;

function takenFrom(calls: Map<string, ToolCallState>, { call_id, approval }: CallPlace): Part | undefined {
  const call = calls.get(call_id);
  calls.delete(call_id);
  return call && callPart(approval === undefined ? call : { ...call, approval });
}

const ranks = ["source", "chars", "call_id"] as const;

/** Whether it is what is taken to be the order where nobody says it: all sources, one text, calls, and nothing else. */
export function isUsualOrder(order: readonly PartPlace[], sources: readonly Source[] = []): boolean {
  const places = order.map((place) => ranks.findIndex((rank) => rank in place));
  const hasAllSources = sources.every((_, i) => isSame(order[i] ?? {}, { source: i }));
  const texts = order.filter((place) => "chars" in place).length;
  const hasMore = order.some((place) => "approval" in place);
  return !hasMore && hasAllSources && texts <= 1 && places.every((rank, i) => rank >= Math.max(0, places[i - 1] ?? 0));
}
