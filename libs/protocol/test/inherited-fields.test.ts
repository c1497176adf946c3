import {
  ClientFrame,
  decodeClientFrame,
  fitsFrame,
  frameAddressOf,
  parseObject,
  parseWellFormed,
} from "@parley/protocol";
import { afterEach, expect, test } from "vitest";

/** JSON can name the fields that every object inherits; assigning them would give them to all objects of the process. */
const texts = [
  '{"__proto__":{"polluted":true,"type":"ping"}}',
  '{"type":"ping","__proto__":{"polluted":true}}',
  '{"type":"ping","constructor":{"prototype":{"polluted":true}}}',
  '{"type":"message","id":"m","message":"hi","metadata":{"__proto__":{"polluted":true}}}',
  '{"type":"message","id":"m","message":"hi","metadata":{"constructor":{"prototype":{"polluted":true}}}}',
  '{"type":"message","id":"m","message":"hi","metadata":{"a":{"__proto__":{"polluted":true}}}}',
  '{"type":"subscribe","conversation_id":{"__proto__":{"polluted":true}}}',
  '{"type":"__proto__","__proto__":[]}',
];

const nothing: Record<string, unknown> = {};

afterEach(() => {
  expect(nothing["polluted"]).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test.each(texts)("nobody inherits anything from %s", (text) => {
  const value = parseWellFormed(text);
  fitsFrame(value);
  frameAddressOf(text);
  expect(Object.getPrototypeOf(parseObject(text))).toBe(Object.prototype);
  ClientFrame.safeParse(value);
  try {
    const frame = decodeClientFrame(text);
    expect("polluted" in frame).toBe(false);
  } catch (error) {
    expect(error).toMatchObject({ code: "INVALID_FRAME" });
  }
});
