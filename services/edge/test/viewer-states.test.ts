import { describe, expect, it } from "vitest";
import { moveViewer, type ViewerState } from "../src/hub/viewer.ts";

const states: readonly ViewerState[] = ["held", "doubted", "lagging", "live", "gone"];

/** Where it is after it was asked to go to each of these, in their order. */
const after: Record<ViewerState, readonly ViewerState[]> = {
  // Nothing may be sent to one that is held, so it must lag before it is live.
  held: ["held", "doubted", "lagging", "held", "gone"],
  // Before it is known whether it lacks an event, nothing makes it live.
  doubted: ["held", "doubted", "lagging", "doubted", "gone"],
  lagging: ["held", "lagging", "lagging", "live", "gone"],
  live: ["held", "live", "lagging", "live", "gone"],
  gone: ["gone", "gone", "gone", "gone", "gone"],
};

const cases = states.flatMap((from) => states.map((to, i) => [from, to, after[from][i] ?? "gone"] as const));

describe("a viewer", () => {
  it.each(cases)("that is %s and is to be %s is %s", (from, to, expected) => {
    const viewer = { state: from };
    moveViewer(viewer, to);
    expect(viewer.state).toBe(expected);
  });
});
