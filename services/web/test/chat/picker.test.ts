import { expect, test } from "vitest";
import { activeAfter } from "../../src/chat/picker.tsx";

const options = ["Automatic", "general", "kubernetes", "knowledge"].map((title) => ({ value: title, title }));

test("arrows move by one and stop at the ends, Home and End go there", () => {
  expect(activeAfter("ArrowDown", 0, options)).toBe(1);
  expect(activeAfter("ArrowDown", 3, options)).toBe(3);
  expect(activeAfter("ArrowUp", 0, options)).toBe(0);
  expect(activeAfter("Home", 2, options)).toBe(0);
  expect(activeAfter("End", 0, options)).toBe(3);
});

test("a letter goes to the next option that begins with it", () => {
  expect(activeAfter("k", 0, options)).toBe(2);
  expect(activeAfter("K", 2, options)).toBe(3);
  expect(activeAfter("k", 3, options)).toBe(2);
  expect(activeAfter("z", 1, options)).toBe(1);
});

test("other keys move nothing", () => {
  expect(activeAfter("Enter", 0, options)).toBeUndefined();
  expect(activeAfter(" ", 0, options)).toBeUndefined();
  expect(activeAfter("Tab", 0, options)).toBeUndefined();
});
