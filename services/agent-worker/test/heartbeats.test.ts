import { expect, it } from "vitest";
import { createRounds } from "../src/heartbeats.ts";

function createHolders(count: number) {
  const beats = new Map<number, number>();
  const holders = new Set(
    Array.from({ length: count }, (_, i) => ({ working: () => void beats.set(i, (beats.get(i) ?? 0) + 1) })),
  );
  return { beats, holders };
}

it.each([1, 9, 10, 11, 20_000])("beats once for each of %i in at most ten steps, few at a time", (count) => {
  const { beats, holders } = createHolders(count);
  const rounds = createRounds(() => holders);
  let before = 0;
  const atOnce = Math.ceil(count / 10);
  for (let i = 0; i < Math.ceil(count / atOnce); i++) {
    rounds.beatSome();
    const sum = [...beats.values()].reduce((all, one) => all + one, 0);
    expect(sum - before).toBeLessThanOrEqual(atOnce);
    before = sum;
  }
  expect(beats.size).toBe(count);
  expect(new Set(beats.values())).toEqual(new Set([1]));
});

it("beats for who came during a round in the next one", () => {
  const { beats, holders } = createHolders(10);
  const rounds = createRounds(() => holders);
  rounds.beatSome();
  let late = 0;
  holders.add({ working: () => void late++ });
  for (let i = 0; i < 9; i++) rounds.beatSome();
  expect([late, beats.size]).toEqual([0, 10]);
  for (let i = 0; i < 10; i++) rounds.beatSome();
  expect(late).toBe(1);
});

it("has nothing to do when nobody waits", () => {
  expect(() => createRounds(() => []).beatSome()).not.toThrow();
});
