import { expect, test } from "vitest";
import { inPixels } from "../../src/embed/styling.ts";

test.each([
  ["a { width: 1.5rem; margin: -.25rem 0 }", "a { width: 24px; margin: -4px 0 }"],
  [
    "@media (max-width: 32rem) { a { padding: calc(2rem + 1px) } }",
    "@media (max-width: 512px) { a { padding: calc(32px + 1px) } }",
  ],
  ["a { width: min(25rem,100vw); --x:.5rem }", "a { width: min(400px,100vw); --x:8px }"],
  [".w-2rem, #a1rem { color: red }", ".w-2rem, #a1rem { color: red }"],
  ["a { width: 2em; height: 3px }", "a { width: 2em; height: 3px }"],
])("makes %s into %s", (css, expected) => {
  expect(inPixels(css)).toBe(expected);
});
