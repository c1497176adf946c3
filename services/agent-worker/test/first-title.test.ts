import { expect, it } from "vitest";
import { lineOf } from "../src/first-title.ts";

it.each([
  ["Checkout crashes", "Checkout crashes"],
  ["\n\n  **Checkout   crashes**  \nbecause of a probe", "Checkout crashes"],
  ['"Checkout crashes"', "Checkout crashes"],
  ["# Checkout crashes", "Checkout crashes"],
  ["„Die Kasse stürzt ab“", "Die Kasse stürzt ab"],
  ["“”", ""],
  ["", ""],
  [" \n ", ""],
  ["half a pair \ud800", "half a pair \ufffd"],
])("makes of %j the title %j", (text, title) => {
  expect(lineOf(text)).toBe(title);
});

it("has at most 80 characters, none of them half", () => {
  const title = lineOf("x".repeat(78) + "😀".repeat(10));
  expect(title).toHaveLength(79);
  expect(title.endsWith("…")).toBe(true);
  expect(title.isWellFormed()).toBe(true);
});
