import real from "fast-check";
import { expect, it } from "vitest";
import fc from "./fast-check.ts";

it("draws from each seed the text that fast-check draws, dangerous words too", () => {
  const constraints = { unit: "binary", maxLength: 40 } as const;
  const settings = { seed: 42, numRuns: 5_000 };
  const drawn = fc.sample(fc.string(constraints), settings);
  const theirs = real.sample(real.string(constraints), settings);
  // Not the texts themselves: nobody can read them.
  expect(drawn.findIndex((text, index) => text !== theirs[index])).toBe(-1);
  expect(drawn.some((text) => text.includes("valueOf"))).toBe(true);
});
