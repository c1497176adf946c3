import {
  ChatError,
  ClientFrame,
  decodeClientFrame,
  fitsFrame,
  frameAddressOf,
  parseObject,
  parseWellFormed,
} from "@parley/protocol";
import { expect, test } from "vitest";

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

/** What a frame becomes, or the code of its refusal. */
function outcomeOf(text: string): object | string {
  try {
    return decodeClientFrame(text);
  } catch (error) {
    return error instanceof ChatError ? error.code : "another error";
  }
}

test.each(texts)("nobody inherits anything from %s", (text) => {
  const value = parseWellFormed(text);
  fitsFrame(value);
  frameAddressOf(text);
  expect(Object.getPrototypeOf(parseObject(text))).toBe(Object.prototype);
  ClientFrame.safeParse(value);
  const outcome = outcomeOf(text);
  expect(typeof outcome === "string" ? outcome : "polluted" in outcome).toBeOneOf(["INVALID_FRAME", false]);
  expect(nothing["polluted"]).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
});
