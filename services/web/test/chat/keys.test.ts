import { expect, test } from "vitest";
import { meaningOf, type PressedKey } from "../../src/chat/keys.ts";

const plain = { keyCode: 0, isComposing: false, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false };
const enter: PressedKey = { ...plain, key: "Enter", keyCode: 13 };
const box = { text: "hello", sendsWithEnter: true };

test("Enter sends, with Shift it makes a new line", () => {
  expect(meaningOf(enter, box)).toBe("send");
  expect(meaningOf({ ...enter, shiftKey: true }, box)).toBeUndefined();
});

test("who has switched that off sends with Ctrl or the command key", () => {
  const off = { ...box, sendsWithEnter: false };
  expect(meaningOf(enter, off)).toBeUndefined();
  expect(meaningOf({ ...enter, ctrlKey: true }, off)).toBe("send");
  expect(meaningOf({ ...enter, metaKey: true }, off)).toBe("send");
});

test("the Enter of an input method takes its suggestion and sends nothing", () => {
  expect(meaningOf({ ...enter, isComposing: true }, box)).toBeUndefined();
  expect(meaningOf({ ...enter, keyCode: 229 }, box)).toBeUndefined();
});

test("the arrow up brings the last message back into an empty box only", () => {
  const up: PressedKey = { ...plain, key: "ArrowUp", keyCode: 38 };
  expect(meaningOf(up, { ...box, text: "" })).toBe("recall");
  expect(meaningOf(up, box)).toBeUndefined();
  expect(meaningOf({ ...up, shiftKey: true }, { ...box, text: "" })).toBeUndefined();
});
