import { expect, it } from "vitest";
import { blockMs, createAbuseScores } from "../src/admission/abuse-score.ts";

const minute = 60_000;

it("blocks who offends often in a short time", () => {
  const scores = createAbuseScores();
  const outcomes = Array.from({ length: 10 }, (_, nth) => scores.add("a", "bad token", nth * 10));
  expect(outcomes.slice(0, 9)).not.toContain(true);
  // Faded by a little: the eleventh is too much.
  expect([outcomes[9], scores.add("a", "bad token", 100)]).toEqual([false, true]);
});

it("forgives who offends now and then", () => {
  const scores = createAbuseScores();
  const outcomes = Array.from({ length: 1_000 }, (_, nth) => scores.add("a", "bad token", nth * 10_000));
  expect(outcomes).not.toContain(true);
  expect(scores.at("a", 10_000_000 + 10 * minute)).toBeLessThan(1);
});

it("counts what weighs less for less, and everybody alone", () => {
  const scores = createAbuseScores();
  for (let nth = 0; nth < 49; nth++) expect(scores.add("a", "rate limit", 0)).toBe(false);
  expect(scores.add("b", "bad token", 0)).toBe(false);
  expect(scores.add("a", "rate limit", 0)).toBe(true);
});

it("lets a thousand people behind one address come back who do as they are told", () => {
  const scores = createAbuseScores();
  let isBlocked = false;
  // Two hundred pass every ten seconds; the others are told to wait.
  for (let round = 0; round < 5; round++)
    for (let left = 1_000 - 200 * (round + 1); left > 0; left--)
      isBlocked ||= scores.add("a", "limit of an address", round * 10_000);
  expect(isBlocked).toBe(false);
  for (let nth = 0; nth < 1_000; nth++) isBlocked ||= scores.add("a", "limit of an address", 50_000);
  expect(isBlocked).toBe(true);
});

it("begins anew after a block", () => {
  const scores = createAbuseScores({ threshold: 20 });
  expect([scores.add("a", "bad token", 0), scores.add("a", "bad token", 0)]).toEqual([false, true]);
  expect(scores.at("a", 0)).toBe(0);
});

it("forgets who offended least lately when there are too many", () => {
  const scores = createAbuseScores({ maxEntries: 100 });
  for (let nth = 0; nth < 10_000; nth++) {
    scores.add(`2001:db8:0:${nth.toString(16)}::/64`, "bad token", nth);
    if (nth % 50 === 0) scores.add("203.0.113.9", "rate limit", nth);
  }
  expect(scores.size()).toBe(100);
  expect(scores.at("203.0.113.9", 10_000)).toBeGreaterThan(0);
});

it("each block in a row is four times as long as the one before, up to a day", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 100].map((nth) => blockMs(nth) / minute)).toEqual([
    1, 4, 16, 64, 256, 1_024, 1_440, 1_440,
  ]);
});
