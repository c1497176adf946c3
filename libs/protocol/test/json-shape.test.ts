import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { decodeClientFrame, encodeJson, frameAddressOf, limits, saysTooMuch } from "@parley/protocol";
import { shapeOfJson } from "../src/json-shape.ts";

afterEach(() => vi.restoreAllMocks());

test.each([
  ["", 0, 0],
  ["{}", 2, 1],
  ['{ "a" : [ 1, [] ] }\n', 12, 3],
  [String.raw`"\u0000\n\"\\"`, 6, 0],
  [String.raw`"\u00e9\u20ac"`, 7, 0],
  [String.raw`"\ud83d\ude00"`, 6, 0],
  ['"é€😀"', 11, 0],
  ['"[[[ {{{"', 9, 0],
  [String.raw`"\"[["`, 5, 0],
  ["]]]][[", 6, 0],
  ["[[]", 3, 2],
  [String.raw`"\u12`, 2, 0],
])("%s says %i bytes, %i deep", (text, saidBytes, depth) => {
  expect(shapeOfJson(text)).toEqual({ saidBytes, depth });
});

/** As some libraries write it, which trust no wire. */
function asciiJson(value: unknown): string {
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, undefined, 2).replaceAll(/[^\0-\x7e]/g, escape);
}

test("no way of writing a value makes it say more than it has bytes", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const bytes = encodeJson({ value }).length;
      for (const text of [JSON.stringify({ value }), asciiJson({ value })])
        expect(shapeOfJson(text).saidBytes).toBeLessThanOrEqual(bytes);
    }),
  );
});

describe("a text that is much too long", () => {
  const deep = "[".repeat(limits.escapedFrameBytes / 2) + "]".repeat(limits.escapedFrameBytes / 2);

  test("is refused without being parsed, for its address neither", () => {
    const parse = vi.spyOn(JSON, "parse");
    expect(() => decodeClientFrame(deep)).toThrow("The frame is larger than 64 KB.");
    expect(frameAddressOf(deep)).toEqual({});
    expect(parse).not.toHaveBeenCalled();
  });

  test("still names its address when it is as flat as frames are", () => {
    const long = JSON.stringify({ type: "message", id: "m1", shiny: "x".repeat(limits.clientFrameBytes) });
    expect(frameAddressOf(long)).toEqual({ frame: "message", id: "m1" });
  });

  test("is none because of its escapes or its spaces", () => {
    const letters = String.raw`\u0061`.repeat(limits.messageBytes);
    const frame = `{"type":"message","id":"m1",${" ".repeat(99_000)}"message":"${letters}"}`;
    expect(saysTooMuch(frame)).toBe(false);
    expect(decodeClientFrame(frame)).toMatchObject({ message: "a".repeat(limits.messageBytes) });
  });
});
