import { limits } from "@parley/protocol/fold";
import { expect, test } from "vitest";
import { messageIn, sizeOf } from "../../src/chat/message-size.ts";

test("the size is that of the text as UTF-8", () => {
  expect(sizeOf("ä".repeat(limits.messageBytes / 2)).leftBytes).toBe(0);
  expect(sizeOf("ä".repeat(limits.messageBytes / 2)).isAbove).toBe(false);
  expect(sizeOf(`${"ä".repeat(limits.messageBytes / 2)}!`).isAbove).toBe(true);
  expect(sizeOf("😀".repeat(limits.messageBytes / 4)).leftBytes).toBe(0);
});

test("it is told when little is left, not before", () => {
  expect(sizeOf("x".repeat(100)).isNear).toBe(false);
  expect(sizeOf("x".repeat(limits.messageBytes - 5_000)).isNear).toBe(false);
  expect(sizeOf("x".repeat(limits.messageBytes - 4_000)).isNear).toBe(true);
});

test("white space around a message is not sent, the indentation of its first line is", () => {
  expect(messageIn("\n  \n  indented\n\n")).toBe("  indented");
  expect(messageIn(" \n\t\n ")).toBe("");
});
