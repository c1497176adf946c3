import { isDeepStrictEqual } from "node:util";
import { isToolCall, type Parts } from "@parley/protocol";

/** The same parts in the same order. Of a call its place alone: where a result is long, one says more of it than the other. */
export function haveSameOrder(one: Parts, other: Parts): boolean {
  return isDeepStrictEqual(outlineOf(one), outlineOf(other));
}

function outlineOf(parts: Parts): unknown[] {
  return parts.map((part) => (isToolCall(part) ? part.call_id : part));
}

/** For people. */
export function kindsOf(parts: Parts): string {
  return parts.map(({ type }) => type).join(" ") || "none";
}
