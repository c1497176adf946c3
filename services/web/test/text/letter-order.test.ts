import { expect, test } from "vitest";
import { inWrittenOrder } from "../../src/text/letter-order.ts";

test("what would turn the order of letters round is written out, and the JSON says the same", () => {
  const json = JSON.stringify({ file: "safe\u202Egnp.exe", note: "\u2066a\u2069" });
  expect(inWrittenOrder(json)).toBe(String.raw`{"file":"safe\u202egnp.exe","note":"\u2066a\u2069"}`);
  expect(JSON.parse(inWrittenOrder(json))).toEqual(JSON.parse(json));
});

test("text in any script stays as it is", () => {
  for (const text of ["שלום עולם", "مرحبا", "a\u200fb", "👩\u200d💻"]) expect(inWrittenOrder(text)).toBe(text);
});
