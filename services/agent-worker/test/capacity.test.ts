import { afterEach, expect, it } from "vitest";
import { createCapacity } from "../src/capacity.ts";
import { leastGrowth } from "../src/turn-limit.ts";

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

/** All places that it has at first are taken. */
function fullCapacity(SLOTS: number) {
  const capacity = createCapacity({ SLOTS, TOKEN_FLUSH_MS: undefined });
  stops.push(capacity.stop);
  for (let i = 0; i < leastGrowth; i++) expect(capacity.slots.tryTake()).toBe(true);
  expect(capacity.slots.tryTake()).toBe(false);
  return capacity;
}

it("has a place at once for each turn that was woken, whoever comes for it", async () => {
  const { slots, expectOne } = fullCapacity(leastGrowth + 10);
  const waiting = slots.take(new AbortController().signal);
  expectOne();
  expect(await waiting).toBe(true);
  expect(slots.tryTake()).toBe(false);
  expectOne();
  expect(slots.tryTake()).toBe(true);
});

it("has no more of them than the operator allows", () => {
  const { slots, expectOne } = fullCapacity(leastGrowth + 1);
  for (let i = 0; i < 5; i++) expectOne();
  expect(slots.tryTake()).toBe(true);
  expect(slots.tryTake()).toBe(false);
});
