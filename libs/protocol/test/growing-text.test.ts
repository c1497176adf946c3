import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, it } from "vitest";
import { appended } from "../src/growing-text.ts";

it("appends as + does", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary", maxLength: 900 }), { maxLength: 40 }), (pieces) => {
      expect(pieces.reduce(appended, "")).toBe(pieces.join(""));
    }),
  );
});

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

function heldBytes(append: (text: string, piece: string) => string): number {
  const usedBytes = (): number => {
    if (typeof collect === "function") collect();
    return getHeapStatistics().used_heap_size;
  };
  const before = usedBytes();
  const texts = Array.from({ length: 200 }, () => "");
  for (let word = 0; word < 600; word++) {
    for (const [at, text] of texts.entries()) texts[at] = append(text, `w${word} `);
  }
  const held = usedBytes() - before;
  expect(texts.every((text) => text.endsWith("w599 "))).toBe(true);
  return held;
}

it("holds little more than the letters of a text that grows word by word", () => {
  expect(heldBytes(appended)).toBeLessThan(heldBytes((text, piece) => text + piece) / 3);
});
