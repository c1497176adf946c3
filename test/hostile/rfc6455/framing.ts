import { limits } from "@parley/protocol";
import { closeFrame, continuation, frameBytes, pingFrame, textFrame } from "../wire/frame-bytes.ts";
import { inSection, jsonPing, pong, refused, type FrameCase } from "./case.ts";

/** A JSON ping of so many bytes. */
function pingOf(bytes: number): string {
  return jsonPing + " ".repeat(bytes - jsonPing.length);
}

const bare = { isMasked: false };
const mask = inSection("5.1");
const maskTaken =
  "It should end at once. The first four bytes are taken for the mask, and the connection ends at the first byte that makes no sense then. Masks guard proxies against pages, and browsers write them whatever a page does.";

const masks: readonly FrameCase[] = [
  mask("a text without a mask", [textFrame(jsonPing, bare)], "cut", maskTaken),
  mask("a long text without a mask", [textFrame(pingOf(300), bare)], "cut", maskTaken),
  mask("a ping without a mask", [pingFrame("x", bare)], "cut", maskTaken),
  mask("an empty text without a mask", [textFrame("", bare)], "cut", maskTaken),
  mask("a close without a mask", [closeFrame(1000, "", bare)], { closes: 1005 }, maskTaken),
];

const frame = inSection("5.2");

const reserved: readonly FrameCase[] = [
  ...[1, 2, 4, 7].map((bits) =>
    frame(`a text with the reserved bits ${bits}`, [textFrame(jsonPing, { reserved: bits })], "cut"),
  ),
  frame(
    "a continuation with a reserved bit",
    [textFrame("{", { isLast: false }), continuation("}", { reserved: 4 })],
    "cut",
  ),
  frame("a ping with a reserved bit", [pingFrame("x", { reserved: 4 })], "cut"),
  frame("a close with a reserved bit", [closeFrame(1000, "", { reserved: 1 })], "cut"),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    frame(`opcode ${opcode}, which nobody knows`, [frameBytes({ opcode, payload: "x" })], "cut"),
  ),
];

const longForm =
  "A length has to be written in as few bytes as it fits; it is read all the same. The limit holds for what it says, however it is written.";

const lengths: readonly FrameCase[] = [
  ...[125, 126, 127, 65_535, 65_536].map((bytes) =>
    frame(`a text of ${bytes} bytes`, [textFrame(pingOf(bytes))], pong),
  ),
  frame("an empty text", [textFrame("")], refused),
  frame("a short length in two bytes", [textFrame(jsonPing, { lengthBytes: 2 })], pong, longForm),
  frame("a short length in eight bytes", [textFrame(jsonPing, { lengthBytes: 8 })], pong, longForm),
  frame("a length of 65,535 in eight bytes", [textFrame(pingOf(65_535), { lengthBytes: 8 })], pong, longForm),
  frame("a length with its first bit set", [textFrame("x", { saidLength: 1n << 63n })], "cut"),
  frame("a length of 2^64-1", [textFrame("x", { saidLength: (1n << 64n) - 1n })], "cut"),
  frame("a length of 4 GiB", [textFrame("x", { saidLength: 1n << 32n })], "cut"),
  frame("a length of 2^32 and a few", [textFrame("x", { saidLength: (1n << 32n) + 15n })], "cut"),
];

const limit = inSection("10.4");
const longest = pingOf(limits.escapedFrameBytes);

const limited: readonly FrameCase[] = [
  limit("a text as long as is read", [textFrame(longest)], pong),
  limit("a text of one byte more", [textFrame(`${longest} `)], "cut"),
  limit(
    "fragments that together are as long as is read",
    [textFrame(longest.slice(0, -9), { isLast: false }), continuation(" ".repeat(9))],
    pong,
  ),
  limit(
    "fragments that together are one byte longer",
    [textFrame(longest, { isLast: false }), continuation(" ")],
    "cut",
  ),
];

export const framing = [...masks, ...reserved, ...lengths, ...limited];
