import { createView, foldFrame, textOf, turn } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { cases, expectView, knownFrames } from "./cases.ts";

describe("the fold of the protocol", () => {
  it.each(cases)("makes of the frames what the case says: %s", (name, one) => {
    const view = knownFrames(one).reduce(foldFrame, createView("c_case"));
    const found = turn(view, one.turn_id);
    expect(found).toBeDefined();
    if (found === undefined) return;
    const { status, attempt, parts, outcome } = found;
    const code = outcome?.type === "error" ? { code: outcome.code } : {};
    expectView(name, { status, attempt, text: textOf(parts), parts: [...parts], ...code });
  });
});
