import fc from "fast-check";
import { expect, test } from "vitest";
import { createTokenRatios } from "../../src/memory/token-ratio.ts";

test("is careful before it knows anything, and comes close to what the provider counts", () => {
  const ratios = createTokenRatios();
  expect(ratios.bytesFor("m", 1_000)).toBe(2_000);
  for (let i = 0; i < 40; i++) ratios.saw("m", 4_000, 1_000);
  expect(ratios.bytesFor("m", 1_000)).toBeGreaterThan(3_900);
  expect(ratios.bytesFor("m", 1_000)).toBeLessThanOrEqual(4_000);
});

test("gives less at once where requests differ from each other", () => {
  const ratios = createTokenRatios();
  for (let i = 0; i < 40; i++) ratios.saw("m", 4_000, 1_000);
  ratios.saw("m", 4_000, 3_000);
  expect(ratios.bytesFor("m", 1_000)).toBeLessThan(2_000);
});

test("does not believe counts that make no sense, nor learn from requests that say little", () => {
  const ratios = createTokenRatios();
  ratios.saw("m", 100, 90);
  ratios.saw("m", 4_000, 0);
  ratios.saw("m", 4_000, Number.NaN);
  expect(ratios.bytesFor("m", 1_000)).toBe(2_000);
  ratios.saw("m", 1_000, 1e9);
  expect(ratios.bytesFor("m", 1_000)).toBe(333);
});

test("forgets the models that were not asked for longest, beyond 64", () => {
  const ratios = createTokenRatios();
  for (let n = 0; n < 70; n++) ratios.saw(`m${n}`, 4_000, 400);
  expect(ratios.bytesFor("m0", 1_000)).toBe(2_000);
  expect(ratios.bytesFor("m69", 1_000)).toBeGreaterThan(2_000);
});

test("always gives a number from 0 that is bounded by what is asked for", () => {
  const seen = fc.array(fc.tuple(fc.integer({ min: 0, max: 1_000_000 }), fc.double()));
  fc.assert(
    fc.property(seen, fc.integer({ min: 1, max: 1_000_000 }), (list, tokens) => {
      const ratios = createTokenRatios();
      for (const [bytes, count] of list) ratios.saw("m", bytes, count);
      const bytes = ratios.bytesFor("m", tokens);
      expect(bytes).toBeGreaterThanOrEqual(0);
      expect(bytes).toBeLessThanOrEqual(tokens * 50);
    }),
  );
});
