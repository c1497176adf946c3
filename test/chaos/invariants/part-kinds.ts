import type { Parts } from "@parley/protocol";

/** For people. */
export function kindsOf(parts: Parts): string {
  return parts.map(({ type }) => type).join(" ") || "none";
}
