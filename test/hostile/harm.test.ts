import { expect, it } from "vitest";
import { harmOf, type Figures } from "./neighbour/harm.ts";

function windows(...pings: readonly number[]): Figures[] {
  return pings.map((pingMs) => ({ pingMs, firstTokenMs: 100 }));
}

const calm = { attacked: windows(5, 6, 5), beside: windows(5, 5, 6) };

it.each([
  ["nothing happens", windows(5, 7, 6), windows(6, 5, 5), false],
  ["it is slower than before and than the other", windows(80, 90, 85), windows(6, 5, 5), true],
  ["the whole machine is slow", windows(80, 90, 85), windows(60, 70, 65), false],
  ["one window is bad", windows(5, 300, 6), windows(6, 5, 5), false],
  ["it is slower by as much as a scheduler may be late", windows(18, 19, 18), windows(6, 5, 5), false],
  ["it was too short to say", windows(300), windows(5), false],
])("a neighbour is harmed when it should be: %s", (_what, attacked, beside, isHarmed) => {
  expect(harmOf(calm, { attacked, beside }).isHarmed).toBe(isHarmed);
});
