import type { Outcome } from "./events.ts";

const hidden: ReadonlySet<string> = new Set([
  "claimed",
  "released",
  "step",
  "ending",
  "tool_begun",
  "cancel_requested",
  "mark",
]);
const terminal: ReadonlySet<string> = new Set(["complete", "cancelled", "error"]);

/** Whether viewers see events of this type. Types that a newer version hides begin with an underscore (docs/adr/0013). */
export function isVisible(type: string): boolean {
  return !hidden.has(type) && !type.startsWith("_");
}

/** Whether an event of this type ends its turn. No version adds one: new ways to end are codes and reasons of these three. */
export function isTerminal(type: string): type is Outcome["type"] {
  return terminal.has(type);
}
