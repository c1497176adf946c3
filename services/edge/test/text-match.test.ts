import fc from "fast-check";
import { expect, test } from "vitest";
import { createTextMatch, excerptOf, scoreOf } from "../src/commands/conversations/text-match.ts";

const never = () => undefined;
const hits = (query: string, text: string) => createTextMatch(query, never).hitsIn(text);

test("finds words by their beginnings, whatever their case and accents, and says where", async () => {
  const { words, first } = await hits("cafe straße", "In der Strasse steht ein CAFÉHAUS, das Cafe.");
  expect(words).toEqual([
    { count: 2, isWhole: true },
    { count: 1, isWhole: true },
  ]);
  expect(first).toMatchObject({ word: 1, from: 7, to: 14 });
});

test("finds nothing inside of words, nor what is not there", async () => {
  const { words, first } = await hits("log", "The catalogue.");
  expect({ words, first }).toEqual({ words: [{ count: 0, isWhole: false }], first: undefined });
});

test("shows a line around the hit", () => {
  const text = `${"before ".repeat(30)}the\nneedle ${"after ".repeat(60)}`;
  const from = text.indexOf("needle");
  const excerpt = excerptOf(text, { from, to: from + 6 });
  expect(excerpt.text.slice(excerpt.from, excerpt.to)).toBe("needle");
  expect(excerpt.text).toMatch(/^…[^\n]*the needle after[^\n]*…$/);
  expect(excerpt.text.length).toBeLessThan(260);
  expect(excerptOf("needle", { from: 0, to: 6 })).toEqual({ text: "needle", from: 0, to: 6 });
});

test("always cuts an excerpt that is well-formed and has its hit", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), fc.nat(500), fc.nat(20), (text, at, length) => {
      const from = Math.min(at, text.length);
      const excerpt = excerptOf(text, { from, to: Math.min(text.length, from + length) });
      expect(excerpt.text.isWellFormed()).toBe(true);
      expect(excerpt.to).toBeGreaterThanOrEqual(excerpt.from);
      expect(excerpt.to).toBeLessThanOrEqual(excerpt.text.length);
    }),
  );
});

test("scores whole words above beginnings, often above once, and a title for a half", async () => {
  const score = async (text: string) => scoreOf(await hits("pod crash", text), [false, false]);
  const whole = await score("pod crash");
  expect(whole).toBeGreaterThan(await score("pods crash"));
  expect(await score("pod pod crash crash")).toBeGreaterThan(whole);
  const { words, first } = await hits("pod crash", "pod");
  expect(scoreOf({ words, first }, [false, true])).toBeGreaterThan(scoreOf({ words, first }, [false, false]));
});

test("lets others through after each piece of a long text, and misses no word at their ends", async () => {
  let rests = 0;
  const match = createTextMatch("needle", () => void rests++);
  const text = "haystack ".repeat(60_000);
  const { words } = await match.hitsIn(`${text}needle ${text}needle`);
  expect(words).toEqual([{ count: 2, isWhole: true }]);
  expect(rests).toBeGreaterThan(60);
});

test("refuses a search that is too long", () => {
  expect(() => createTextMatch("a b c d e f g h i", never)).toThrow(expect.objectContaining({ code: "INVALID_FRAME" }));
  expect(createTextMatch("…", never).wanted).toEqual([]);
});
