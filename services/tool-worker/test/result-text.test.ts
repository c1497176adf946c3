import { fitResult } from "@parley/bus";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toPlainText } from "../src/plain-text.ts";
import { cutBytes } from "../src/result-text.ts";

describe("a result", () => {
  it("stays as it is when it fits", () => {
    expect(fitResult({ text: "a\nb" }, 1_000)).toEqual({ text: "a\nb" });
  });

  it("is cut between lines, and says how many are shown", () => {
    const text = Array.from({ length: 100 }, (_, line) => `line ${line}`).join("\n");
    expect(fitResult({ text }, 200)).toEqual({
      text: [...text.split("\n").slice(0, 10), "[shown 10 of 100 lines; ask for less to see the rest]"].join("\n"),
      truncated: true,
    });
  });

  it("is cut in its first line when that alone is too long", () => {
    const { text, truncated } = fitResult({ text: "ä".repeat(1_000) }, 200);
    expect(text).toBe(`${"ä".repeat(39)}\n[cut in the first line]`);
    expect(truncated).toBe(true);
  });

  it("has the beginning of a long line after short ones, and says so", () => {
    const { text } = fitResult({ text: `NAME  DATA\n${"ä".repeat(1_000)}\nlast` }, 400);
    expect(text).toBe(
      `NAME  DATA\n${"ä".repeat(133)}\n[shown 1 of 3 lines and the beginning of the next; ask for less to see the rest]`,
    );
  });

  it("is well-formed, whole or cut, and so is whatever is cut by bytes", () => {
    const halves = fc
      .array(fc.oneof(fc.constantFrom(0xd83d, 0xde00, 0x0a), fc.nat(0xffff)), { maxLength: 400 })
      .map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(halves, fc.integer({ min: 200, max: 600 }), (text, max) => {
        const { text: shown, truncated } = fitResult({ text }, max);
        expect([shown.isWellFormed(), cutBytes(text, max).isWellFormed()]).toEqual([true, true]);
        expect(truncated === true || shown === text.toWellFormed()).toBe(true);
      }),
    );
    expect(fitResult({ text: "a\ud83d", truncated: true }, 200)).toEqual({ text: "a\ufffd", truncated: true });
  });

  it("never has more bytes than allowed inside JSON", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), fc.integer({ min: 200, max: 600 }), (text, max) => {
        expect(Buffer.byteLength(JSON.stringify(fitResult({ text }, max).text)) - 2).toBeLessThanOrEqual(max);
      }),
    );
  });

  it("is never cut inside a character", () => {
    expect(cutBytes("a€b", 3)).toBe("a");
    expect(cutBytes("a€b", 4)).toBe("a€");
  });
});

describe("plain text", () => {
  it.each([
    ["colours", "\u001b[31mred\u001b[0m text", "red text"],
    ["an unfinished title, but not the line after it", "\u001b]0;title\nnext", "\nnext"],
    ["titles of terminals", "\u001b]0;title\u0007text", "text"],
    ["carriage returns", "one\r\ntwo\rthree", "one\ntwo\nthree"],
    ["control characters", "a\u0000b\u0008c\u009bd", "abcd"],
    ["characters that reorder text", "safe\u202etxet\u2066", "safetxet"],
  ])("has no %s", (_, text, expected) => {
    expect(toPlainText(text)).toBe(expected);
  });

  it("keeps tabs, newlines and the letters of all languages", () => {
    expect(toPlainText("a\tb\nñ 日本 👍")).toBe("a\tb\nñ 日本 👍");
  });
});
