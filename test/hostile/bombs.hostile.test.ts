import { limits } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEdgeAlone, type EdgeAlone } from "./edge-alone.ts";

let alone: EdgeAlone;

beforeAll(async () => {
  alone = await startEdgeAlone();
});
afterAll(() => alone[Symbol.asyncDispose]());

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const message = (fields: string): string => `{"type":"message","id":"b1","conversation_id":"c_bomb",${fields}}`;
const escapes = (count: number): string => String.raw`\u0061`.repeat(count);
const tooDeep = "INVALID_FRAME The frame is not valid: metadata is nested deeper than 32 levels.";
const noJson = "INVALID_FRAME The frame is not valid JSON.";
const tooLarge = "MESSAGE_TOO_LARGE The frame is larger than 64 KB.";

describe("a frame", () => {
  it.each([
    [
      "arrays within each other, as deep as a frame is long",
      nested(32_000),
      "INVALID_FRAME The frame is not a JSON object.",
    ],
    ["deeper, which is longer than a frame may be", nested(100_000), tooLarge],
    ["arrays that are never closed", "[".repeat(60_000), noJson],
    ["more of them", "[".repeat(300_000), tooLarge],
    ["objects that are never closed", '{"a":'.repeat(12_000), noJson],
    ["a field nobody reads, nested deeply", `{"type":"ping","x":${nested(30_000)}}`, "pong"],
    ["metadata nested deeply", message(`"message":"hi","metadata":{"x":${nested(30_000)}}`), tooDeep],
    ["metadata nested one level too deeply", message(`"message":"hi","metadata":{"x":${nested(32)}}`), tooDeep],
    ["metadata as deep as may be", message(`"message":"hi","metadata":{"x":${nested(31)}}`), "accepted"],
    [
      "ten thousand fields",
      `{"type":"ping",${Array.from({ length: 6_000 }, (_, at) => `"${at}":1`).join(",")}}`,
      "pong",
    ],
    ["a list of thirty thousand", `{"type":"ping","x":[${"1,".repeat(30_000)}1]}`, "pong"],
    ["a field ten thousand times", `{${'"type":"no",'.repeat(4_000)}"type":"ping"}`, "pong"],
    [
      "a text of escapes, as long as may be",
      message(`"message":"${escapes(limits.messageBytes)}"`).replace("b1", "b2"),
      "accepted",
    ],
    [
      "a text of one escape more",
      message(`"message":"${escapes(limits.messageBytes + 1)}"`),
      "MESSAGE_TOO_LARGE The text is larger than 32 KB.",
    ],
    ["backslashes", message(`"message":"${"\\\\".repeat(20_000)}`), noJson],
    [
      "a number of sixty thousand digits",
      `{"type":"subscribe","conversation_id":"c_bomb","after":${"9".repeat(60_000)}}`,
      "INVALID_FRAME The frame is not valid: after must be a whole number from 0.",
    ],
    [
      "1e309",
      '{"type":"subscribe","conversation_id":"c_bomb","after":1e309}',
      "INVALID_FRAME The frame is not valid: after must be a whole number from 0.",
    ],
    [
      "more than numbers can say",
      '{"type":"subscribe","conversation_id":"c_bomb","after":9007199254740993}',
      "INVALID_FRAME The frame is not valid: after must be a whole number from 0.",
    ],
    ["-0", '{"type":"subscribe","conversation_id":"c_nobodys","after":-0}', "NOT_FOUND There is no such conversation."],
    ["NaN", '{"type":"subscribe","conversation_id":"c_bomb","after":NaN}', noJson],
  ])("%s", async (_what, text, answer) => {
    const client = await alone.connect("anna");
    client.sendText(text);
    client.sendText('{"type":"queue"}');
    await expect
      .poll(() => client.frames.filter(({ type }) => type === "error" || type === "pong").length)
      .toBeGreaterThan(0);
    await expect.poll(() => client.frames.length).toBeGreaterThan(3);
    const frame = client.frames[2];
    expect(frame?.type === "error" ? `${frame.code} ${frame.error}` : frame?.type).toBe(answer);
    client.close();
  });
});

describe("a body", () => {
  it.each([
    ["arrays within each other", nested(30_000), 400, "The request is not valid: the body must be an object."],
    ["more of them", nested(100_000), 413, "The body is larger than 64 KB."],
    ["arrays that are never closed", "[".repeat(60_000), 400, "The body is not JSON."],
    [
      "a field nobody reads, nested deeply",
      `{"x":${nested(30_000)}}`,
      400,
      "The request is not valid: message is missing.",
    ],
    ["a text of escapes", `{"message":"${escapes(limits.messageBytes + 1)}"}`, 413, "The text is larger than 32 KB."],
    [
      "ten thousand spaces more than is read",
      " ".repeat(limits.escapedFrameBytes + 10_000),
      413,
      "The body is larger than 64 KB.",
    ],
  ])("%s", async (_what, body, status, error) => {
    const answer = await alone.ask("anna", "POST", "/api/v1/chat", body);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { error }]);
  });

  it("what is said of a document, nested deeply", async () => {
    const body = `{"text":"Text.","source":"a.md","metadata":{"x":${nested(30_000)}}}`;
    const { status, text } = await alone.ask("anna", "POST", "/api/v1/documents/ingest-text", body);
    const error = "The request is not valid: metadata may have 1024 bytes of JSON, 32 levels deep.";
    expect([status, JSON.parse(text)]).toMatchObject([400, { error }]);
  });
});

describe("fields that every object inherits", () => {
  it.each([
    ["are no fields of a frame", '{"__proto__":{"type":"ping"}}', "INVALID_FRAME"],
    [
      "are passed over",
      '{"type":"ping","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
      "pong",
    ],
    [
      "give a message nothing that it lacks",
      '{"type":"message","__proto__":{"id":"p1","message":"hi"}}',
      "INVALID_FRAME",
    ],
    [
      "may stand in metadata",
      message('"message":"hi","metadata":{"__proto__":{"x":1},"constructor":{"prototype":{"y":1}}}').replace(
        "b1",
        "p2",
      ),
      "accepted",
    ],
    ["are no types", '{"type":"__proto__"}', "INVALID_FRAME"],
    ["are none of the types either", '{"type":"constructor"}', "INVALID_FRAME"],
    ["are no way to be busy", message('"message":"hi","on_busy":"toString"'), "INVALID_FRAME"],
  ])("%s", async (_what, text, answer) => {
    const client = await alone.connect("anna");
    client.sendText(text);
    await expect.poll(() => client.frames.length).toBeGreaterThan(2);
    const frame = client.frames[2];
    expect(frame?.type === "error" ? frame.code : frame?.type).toBe(answer);
    client.close();
  });

  it("are no parameters", async () => {
    const odd = "__proto__=1&__proto__[limit]=0&constructor=x&constructor[prototype][limit]=0";
    const { status, text } = await alone.ask("nobody", "GET", `/api/v1/conversations?${odd}`);
    expect([status, JSON.parse(text)]).toEqual([200, { conversations: [] }]);
    const body = '{"__proto__":{"message":"hi"},"constructor":{"prototype":{"message":"hi"}}}';
    const answer = await alone.ask("nobody", "POST", "/api/v1/chat", body);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([400, { code: "INVALID_FRAME" }]);
  });
});
