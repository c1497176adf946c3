import { expect, test } from "vitest";
import { citedIn, groundsOf } from "../../src/retrieval/citations.ts";

test.each([
  ["It has 110 kW [1].", [1]],
  ["Both say so [2][1], and again [2].", [2, 1]],
  ["All of them [1, 3] do.", [1, 3]],
  ["As some models write it【2】.", [2]],
  ["Nobody says [4], [0] or [99].", []],
  ["Nothing is cited.", []],
  ["Code is none: `list[1]` and\n```\nlist[2]\n```", []],
  ["", []],
])("of three sources %j cites %j", (text, cited) => {
  expect(citedIn(text, 3)).toEqual(cited);
});

test("an answer without sources cites none, whatever it says", () => {
  expect(groundsOf("As said in [1].", 0)).toEqual({ found: 0, cited: [] });
});

test("what was written to be slow is read in a moment", () => {
  const began = performance.now();
  citedIn("[1,".repeat(80_000) + "```".repeat(20_001) + "[".repeat(100_000), 3);
  expect(performance.now() - began).toBeLessThan(1_000);
});
