import { describe, expect, it } from "vitest";
import { ageOf } from "../../src/kubernetes/age.ts";
import { toCell, toTable } from "../../src/kubernetes/table.ts";

describe("a table", () => {
  it("aligns its columns and leaves no blanks at the end of lines", () => {
    expect(
      toTable(
        ["NAME", "AGE"],
        [
          ["long-name", "1d"],
          ["é", "-"],
        ],
      ),
    ).toBe("NAME        AGE\nlong-name   1d\né           -");
  });

  it("has cells of one line", () => {
    expect(toCell(" a\n\tb ")).toBe("a b");
    expect(toCell(undefined)).toBe("-");
  });
});

describe("an age", () => {
  const now = new Date("2026-01-10T00:00:00Z");
  it.each([
    [5, "5s"],
    [119, "119s"],
    [200, "3m20s"],
    [3_000, "50m"],
    [4 * 3_600, "4h"],
    [4 * 3_600 + 1_800, "4h30m"],
    [20 * 3_600, "20h"],
    // Beyond a day it goes on: it does not start again at 0.
    [30 * 3_600, "30h"],
    [3 * 86_400 + 4 * 3_600, "3d4h"],
    [400 * 86_400, "400d"],
  ])("of %d seconds is %s", (seconds, expected) => {
    expect(ageOf(new Date(now.getTime() - seconds * 1_000), now)).toBe(expected);
  });

  it("is a dash when it is not known, and never negative", () => {
    expect(ageOf(undefined, now)).toBe("-");
    expect(ageOf(new Date(now.getTime() + 5_000), now)).toBe("0s");
  });
});
