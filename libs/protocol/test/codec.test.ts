import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ChatError,
  ClientFrame,
  EventFrame,
  StoredEvent,
  TurnRequest,
  decodeClientFrame,
  decodeEvent,
  decodeJson,
  encodeEvent,
  encodeJson,
  limits,
  typeOfStored,
  withSeq,
} from "@parley/protocol";
import { arbitraryOf } from "./arbitraries.ts";

function problemOf(text: string): string {
  try {
    decodeClientFrame(text);
  } catch (error) {
    if (error instanceof ChatError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "none";
}

describe("decodeClientFrame", () => {
  test.each([
    ["", "INVALID_FRAME: The frame is not valid JSON."],
    ["{", "INVALID_FRAME: The frame is not valid JSON."],
    ["null", "INVALID_FRAME: The frame is not a JSON object."],
    ["[]", "INVALID_FRAME: The frame is not a JSON object."],
    ['"ping"', "INVALID_FRAME: The frame is not a JSON object."],
  ])("refuses %j", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test.each([
    [{ type: "dance" }, "type"],
    [{ type: "message", message: "hi" }, "id"],
    [{ type: "message", id: "1", message: "hi", on_busy: "never" }, "on_busy"],
    [{ type: "message", id: "1", message: "hi", conversation_id: "a.b" }, "conversation_id"],
    [{ type: "subscribe", conversation_id: "c1", after: -1 }, "after"],
    [{ type: "subscribe", conversation_id: "chat.>" }, "conversation_id"],
    [{ type: "auth", token: "" }, "token"],
  ])("names the field that is wrong: %j", (frame, field) => {
    expect(problemOf(JSON.stringify(frame))).toMatch(new RegExp(`^INVALID_FRAME: The frame is not valid: ${field}: `));
  });

  test("refuses a frame above the limit before it parses it", () => {
    expect(problemOf("x".repeat(limits.clientFrameBytes + 1))).toMatch(/^MESSAGE_TOO_LARGE/);
  });

  test("ignores unknown fields and fills in the default policy", () => {
    const frame = decodeClientFrame('{"type":"message","id":"1","message":"hi","shiny":true}');
    expect(frame).toEqual({ type: "message", id: "1", message: "hi", on_busy: "enqueue" });
  });

  test("throws nothing but ChatError, whatever the text", () => {
    const nested = fc.nat(limits.clientFrameBytes / 2).map((depth) => '{"a":'.padEnd(depth, "["));
    const texts = fc.oneof(fc.string({ unit: "binary" }), fc.json(), nested);
    fc.assert(
      fc.property(texts, (text) => void problemOf(text)),
      { numRuns: 500 },
    );
  });

  test("throws nothing but ChatError for frames with one damaged field", () => {
    const damaged = fc
      .tuple(arbitraryOf(ClientFrame), fc.string(), fc.jsonValue())
      .map(([frame, key, value]) => JSON.stringify({ ...Object(frame), [key]: value, conversation_id: value }));
    fc.assert(fc.property(damaged, (text) => void problemOf(text)));
  });

  test("reads back every frame that it accepts", () => {
    fc.assert(
      fc.property(arbitraryOf(ClientFrame), (frame) => {
        expect(decodeClientFrame(JSON.stringify(frame))).toEqual(frame);
      }),
    );
  });
});

describe("stored events", () => {
  test("survive encode and decode", () => {
    fc.assert(
      fc.property(arbitraryOf(StoredEvent), (value) => {
        const event = StoredEvent.parse(value);
        expect(event).toEqual(value);
        expect(decodeEvent(encodeEvent(event))).toEqual(event);
      }),
      { numRuns: 500 },
    );
  });

  test("begin with their type, wherever it stood in the object", () => {
    fc.assert(
      fc.property(arbitraryOf(StoredEvent), (value) => {
        const { type, ...rest } = StoredEvent.parse(value);
        expect(typeOfStored(encodeEvent(StoredEvent.parse({ ...rest, type })))).toBe(type);
      }),
    );
  });

  test("become server frames by splicing the sequence in", () => {
    fc.assert(
      fc.property(arbitraryOf(EventFrame), (value) => {
        const frame = EventFrame.parse(value);
        const bytes = withSeq(frame.seq, encodeEvent(StoredEvent.parse(value)));
        expect(decodeJson(EventFrame, bytes)).toEqual(frame);
      }),
    );
  });

  test("have no type when the bytes do not begin as the encoder writes them", () => {
    const encoder = new TextEncoder();
    expect(typeOfStored(encoder.encode(""))).toBe("");
    expect(typeOfStored(encoder.encode(`{"type":"${"x".repeat(200)}"}`))).toBe("");
  });
});

describe("decodeJson", () => {
  test("takes text and bytes", () => {
    const record = { v: 1, user_id: "u", ts: 1 };
    expect(decodeJson(TurnRequest.pick({ v: true }), JSON.stringify(record))).toEqual({ v: 1 });
    expect(decodeJson(TurnRequest.pick({ v: true }), encodeJson(record))).toEqual({ v: 1 });
  });

  test("names the field that is not as expected", () => {
    expect(() => decodeJson(TurnRequest, '{"v":"1"}')).toThrow(/^stored data is not as expected: v: /);
  });
});
