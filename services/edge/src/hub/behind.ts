import { decodeVisible, type VisibleEvent } from "@parley/dialects";
import { firstAfter } from "../delivery/delivery.ts";
import type { CatchUpStep } from "./catch-up-plan.ts";
import type { Viewer } from "./viewer.ts";

/**
 * How long ago the first event was made that the viewer lacks (clocks of two machines); 0: it lacks none. Undefined: that event is not at hand, neither in
 * the ring nor first in `steps`, which are what it gets.
 */
export function behindMs({ cursor, source }: Viewer, steps: readonly CatchUpStep[]): number | undefined {
  const { floor, events } = source.ring;
  const [step] = steps;
  if (step === undefined) return 0;
  const first = cursor >= floor ? events[firstAfter(events, cursor)] : step.kind === "event" ? step.event : undefined;
  const madeMs = first === undefined ? undefined : timeOf(first);
  return madeMs === undefined ? undefined : Math.max(0, Date.now() - madeMs);
}

/** Many who come back at once have missed the same event. */
let newest: { readonly event: VisibleEvent; readonly ms: number | undefined } | undefined;

function timeOf(event: VisibleEvent): number | undefined {
  if (newest?.event !== event) {
    const decoded = decodeVisible(event);
    newest = { event, ms: "ts" in decoded ? decoded.ts : undefined };
  }
  return newest.ms;
}
