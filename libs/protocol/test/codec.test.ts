import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ChatError,
  ClientFrame,
  MessageEvent,
  EventFrame,
  StoredEvent,
  TurnRequest,
  checkMessageText,
  decodeClientFrame,
  decodeEvent,
  decodeJson,
  encodeEvent,
  encodeJson,
  frameAddressOf,
  limits,
  typeOfStored,
  wellFormedJson,
  withSaidText,
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

  const types =
    "auth, message, regenerate, subscribe, unsubscribe, cancel, approve, title, queue, handover, feedback, edit, delete, react, pin, typing, read, ping";
  const hello = { type: "message", id: "1", message: "hi" };

  test.each([
    [{ type: "dance" }, `type must be one of ${types}`],
    [{ type: 7 }, `type must be one of ${types}`],
    [{}, "type is missing"],
    [{ type: "message", message: "hi" }, "id is missing"],
    [{ ...hello, id: null }, "id must be a text"],
    [{ ...hello, id: "" }, "id must not be empty"],
    [{ ...hello, id: "x".repeat(129) }, "id must have at most 128 characters"],
    [{ ...hello, message: ["hi"] }, "message must be a text"],
    [{ ...hello, on_busy: "never" }, "on_busy must be one of enqueue, reject, interrupt"],
    [{ ...hello, metadata: null }, "metadata must be an object"],
    [{ ...hello, metadata: [] }, "metadata must be an object"],
    [{ ...hello, conversation_id: "a.b" }, "conversation_id must be 1 to 128 letters, digits, '_' or '-'"],
    [{ type: "subscribe", conversation_id: "c1", after: -1 }, "after must be a whole number from 0"],
    [{ type: "subscribe", conversation_id: "c1", after: 1.5 }, "after must be a whole number from 0"],
    [{ type: "subscribe", conversation_id: "c1", after: "x" }, "after must be a whole number from 0"],
    [{ type: "subscribe", conversation_id: "chat.>" }, "conversation_id must be 1 to 128 letters, digits, '_' or '-'"],
    [{ type: "cancel", conversation_id: "c1", turn_id: "a b" }, "turn_id must be 1 to 64 letters, digits, '_' or '-'"],
    [{ type: "approve", conversation_id: "c", call_id: "k", approved: 1 }, "approved must be true or false"],
    [{ type: "auth", token: "" }, "token must not be empty"],
  ])("says in a person's words what is wrong: %j", (frame, problem) => {
    expect(problemOf(JSON.stringify(frame))).toBe(`INVALID_FRAME: The frame is not valid: ${problem}.`);
  });

  test("refuses a frame above the limit before it parses it", () => {
    expect(problemOf("x".repeat(limits.clientFrameBytes + 1))).toMatch(/^MESSAGE_TOO_LARGE/);
  });

  test.each([33, 9_000, 25_000])("refuses metadata nested %i deep, which could not be written again", (levels) => {
    const metadata = `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    const frame = `{"type":"message","id":"1","message":"hi","metadata":${metadata}}`;
    expect(problemOf(frame)).toBe("INVALID_FRAME: The frame is not valid: metadata is nested deeper than 32 levels.");
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
      { numRuns: 150 },
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
      fc.property(arbitraryOf(ClientFrame), (given) => {
        const frame = saidOnce(ClientFrame.parse(given));
        const read = frame.type === "message" ? withSaidText(frame) : frame;
        expect(decodeClientFrame(JSON.stringify(frame))).toEqual(read);
      }),
    );
  });
});

/** Its text stands in its parts, where these have one. */
function saidOnce(frame: ClientFrame): ClientFrame {
  return frame.type === "message" && frame.parts !== undefined ? { ...frame, message: "" } : frame;
}

/** Strings as JavaScript has them: also with halves of characters. */
const codeUnits = fc
  .array(fc.oneof(fc.constantFrom(0xd83d, 0xde00, 0x5c, 0x22, 0x75), fc.nat(0xffff)), { maxLength: 30 })
  .map((units) => String.fromCharCode(...units));

function escaped(text: string): string {
  return Array.from({ length: text.length }, (_, i) => escapeOf(text.charCodeAt(i))).join("");
}

function escapeOf(unit: number): string {
  return String.raw`\u${unit.toString(16).padStart(4, "0")}`;
}

describe("halves of characters", () => {
  test("become U+FFFD in every text and key of a frame, however its JSON says them", () => {
    fc.assert(
      fc.property(codeUnits, fc.boolean(), (text, isEscaped) => {
        const written = isEscaped ? `"${escaped(text)}"` : JSON.stringify(text);
        const metadata = `{"k${written.slice(1)}:[${written}]}`;
        const frame = decodeClientFrame(`{"type":"message","id":"1","message":${written},"metadata":${metadata}}`);
        const whole = text.toWellFormed();
        expect(frame).toMatchObject({ message: whole, metadata: { [`k${whole}`]: [whole] } });
      }),
      { numRuns: 300 },
    );
  });

  test("are found in text that was never escaped, and nowhere else", () => {
    expect(wellFormedJson('{"a":"\ud83d"}')).toBe('{"a":"\ufffd"}');
    for (const same of [String.raw`"\\ud83d"`, String.raw`"\ud83d\uDE00"`, '"😀"', String.raw`"\u0000\ufffd\n"`]) {
      expect(wellFormedJson(same)).toBe(same);
    }
    expect(wellFormedJson(String.raw`"\\\ud83d"`)).toBe('"\\\\\ufffd"');
    expect(wellFormedJson(String.raw`"\ud83d\ud83d\ude00\ude00"`)).toBe(String.raw`"�\ud83d\ude00�"`);
  });

  test("cost no more than the text is long", () => {
    const text = `"${String.raw`\ud83d`.repeat(limits.escapedFrameBytes / 6)}"`;
    expect(wellFormedJson(text)).toHaveLength(limits.escapedFrameBytes / 6 + 2);
  });
});

describe("the limits of a message", () => {
  const problemOfText = (text: string): string => {
    try {
      checkMessageText(text);
      return "none";
    } catch (error) {
      return error instanceof ChatError ? error.code : String(error);
    }
  };

  test.each([
    ["a", 1],
    ["щ", 2],
    ["漢", 3],
    ["😀", 4],
    ["\u0000", 1],
  ])("count its text as UTF-8: %j", (character, bytes) => {
    const longest = character.repeat(Math.floor(limits.messageBytes / bytes));
    expect(problemOfText(longest)).toBe("none");
    expect(problemOfText(longest + character)).toBe("MESSAGE_TOO_LARGE");
    const frame = `{"type":"message","id":"1","message":"${escaped(longest)}"}`;
    expect(decodeClientFrame(frame)).toMatchObject({ message: longest });
  });

  test("leave room for what else it says, each escape counted as what it stands for", () => {
    const rest = "щ".repeat((limits.clientFrameBytes - limits.messageBytes - 200) / 2);
    const frameOf = (note: string) =>
      `{"type":"message","id":"1","message":"${escaped("\u0000".repeat(limits.messageBytes))}","metadata":{"note":"${escaped(note)}"}}`;
    expect(problemOf(frameOf(rest))).toBe("none");
    expect(problemOf(frameOf(rest + rest))).toBe("MESSAGE_TOO_LARGE: The frame is larger than 64 KB.");
  });

  test("leave it small enough to be stored, whatever it says", () => {
    const text = "\u0000".repeat(limits.messageBytes);
    const metadata = { note: "n".repeat(limits.clientFrameBytes - limits.messageBytes) };
    const word = "\u0000".repeat(320);
    const user = { id: word, name: word, email: word };
    const message = { message: text, message_id: word, id: word, turn_id: "t", conversation_id: "c".repeat(128) };
    const request = { v: 1, ...message, user, agent: word, model: word, customer_id: word, metadata, accepted_at: 1 };
    expect(encodeJson(TurnRequest.parse(request)).length).toBeLessThan(limits.eventBytes);
    const event = { type: "message", ts: 1, ...message, author: { role: "user", ...user } };
    expect(encodeEvent(MessageEvent.parse(event)).length).toBeLessThan(limits.eventBytes);
  });
});

describe("what can be read of a frame that is refused", () => {
  test.each([
    ['{"type":"subscribe","conversation_id":"c1","after":-1}', { frame: "subscribe", conversation_id: "c1" }],
    ['{"type":"message","id":"m","message":7}', { frame: "message", id: "m" }],
    ['{"type":"dance","id":"m","conversation_id":"a.b"}', { frame: "dance", id: "m" }],
    ['{"type":7,"id":"","conversation_id":null}', {}],
    ['{"type":"\\ud83d","id":"\\ude00"}', { frame: "\ufffd", id: "\ufffd" }],
    [JSON.stringify({ type: "t".repeat(65), id: "i".repeat(129) }), {}],
    ["[]", {}],
    ["null", {}],
    ["no JSON", {}],
  ])("%s", (text, address) => {
    expect(frameAddressOf(text)).toEqual(address);
  });

  test("is the address of every frame that is taken", () => {
    fc.assert(
      fc.property(arbitraryOf(ClientFrame), (value) => {
        const frame = ClientFrame.parse(value);
        const { type } = frame;
        expect(frameAddressOf(JSON.stringify(frame))).toEqual({
          frame: type,
          ...("id" in frame ? { id: frame.id } : {}),
          ...("conversation_id" in frame && frame.conversation_id !== undefined
            ? { conversation_id: frame.conversation_id }
            : {}),
          ...("call_id" in frame ? { call_id: frame.call_id } : {}),
        });
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
      { numRuns: 150 },
    );
  });

  test("are the same bytes for a token, which is written directly, as JSON of its fields in their order", () => {
    const part = fc.string({ unit: "binary" });
    const number = fc.nat();
    const head = { conversation_id: part, turn_id: part, ts: number };
    const token = fc.record({ ...head, attempt: number, n: number, token: part });
    fc.assert(
      fc.property(token, (fields) => {
        expect(encodeEvent({ type: "token", ...fields })).toEqual(encodeJson({ type: "token", ...fields }));
      }),
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
    expect(() => decodeJson(TurnRequest, '{"v":"1"}')).toThrow(/^stored data is not as expected: v must be a number/);
  });
});
