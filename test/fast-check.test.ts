import real from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import fc from "./fast-check.ts";

afterEach(() => void vi.unstubAllEnvs());

it.each([
  ["as its test says", { numRuns: 30 }, 90],
  ["as fast-check does", undefined, 300],
])("tries a property three times as often %s", async (_, settings, runs) => {
  vi.stubEnv("PARLEY_PROPERTY_RUNS", "3");
  let count = 0;
  await fc.assert(
    real.property(real.nat(), () => void count++),
    settings,
  );
  expect(count).toBe(runs);
});

it("still finds what does not hold, and waits for what is asynchronous", async () => {
  vi.stubEnv("PARLEY_PROPERTY_RUNS", "2");
  await expect(fc.assert(fc.asyncProperty(fc.nat(), async (number) => expect(number).toBeLessThan(5)))).rejects.toThrow(
    "Property failed",
  );
});

it("draws any code point but a surrogate", () => {
  const strings = fc.sample(fc.string({ unit: "binary", minLength: 1, maxLength: 1 }), { seed: 1, numRuns: 1_000 });
  expect(strings.every((text) => text.isWellFormed())).toBe(true);
  const points = strings.map((text) => text.codePointAt(0) ?? 0);
  expect(points).toContain(0);
  expect(points.some((point) => point > 0x7f && point < 0xd800)).toBe(true);
  expect(points.some((point) => point >= 0xe000 && point <= 0xffff)).toBe(true);
  expect(points).toContain(0x10_ffff);
});
