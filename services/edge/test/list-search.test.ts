import { expect, it } from "vitest";
import { matcherOf } from "../src/commands/conversations/list-search.ts";

it.each([
  ["crash shop", "Shop: pods in a CrashLoop", true],
  ["shop crash", "Crash in the shop", true],
  ["crash", "The shopcrash", false],
  ["cafe", "Cafés an der Größe", true],
  ["GROSSE", "Cafés an der größe", true],
  ["größe", "CAFES AN DER GROSSE", true],
  ["ﬁle", "Files", true],
  ["naïve", "Naive", true],
  ["и", "Йод и соль", true],
  ["日本", "日本語の質問", true],
  ["v1.2", "Release v1.2.3", true],
  ["pod-7", "what of pod-77?", true],
  ["a b c d e f g h", "h g f e d c b a", true],
  ["crash shop", "Crash in the yard", false],
  ["?!", "anything", false],
])("finds %j in %j: %s", (query, text, isFound) => {
  expect(matcherOf(query)?.(text)).toBe(isFound);
});

it.each(["", "   ", "\t\n"])("takes %j for no search", (query) => {
  expect(matcherOf(query)).toBeUndefined();
});

it("refuses what is too long with a sentence", () => {
  expect(() => matcherOf("x".repeat(201))).toThrow("The search is too long: at most 200 characters.");
  expect(matcherOf("😀".repeat(200))?.("anything")).toBe(false);
  expect(() => matcherOf("one two three four five six seven eight nine")).toThrow("at most 8 words");
  expect(matcherOf("one one one one one one one one one")?.("one")).toBe(true);
});

it("takes no time for hostile texts", () => {
  const text = `${"a\u0301".repeat(50_000)} ${"ab ".repeat(20_000)}`;
  const began = performance.now();
  expect(matcherOf("ab zz")?.(text)).toBe(false);
  expect(performance.now() - began).toBeLessThan(500);
});
