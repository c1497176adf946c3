import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAnswerReader } from "../../src/model/answer-reader.ts";
import type { ModelEvent } from "../../src/model/model.ts";
import { chunk, collect, never, question, startProvider } from "./fake-provider.ts";

/** Texts as a model server may send them: of any UTF-16 code units, halves of characters among them. */
const piece = fc
  .array(fc.oneof(fc.constantFrom(0xd83d, 0xde00, 0x61), fc.nat(0xffff)), { maxLength: 4 })
  .map((units) => String.fromCharCode(...units));
const pieces = fc.array(piece, { maxLength: 12 });

function read(...chunks: object[]): ModelEvent[] {
  const reader = createAnswerReader("m");
  return [...chunks.flatMap((one) => reader.read(one).events), ...reader.end("done")];
}

function textOf(events: readonly ModelEvent[], type: "text" | "reasoning"): string[] {
  return events.flatMap((event) => (event.type === type ? [event.text] : []));
}

describe("text that comes in pieces", () => {
  test.each([
    ["content", "text"],
    ["refusal", "text"],
    ["reasoning_content", "reasoning"],
    ["reasoning", "reasoning"],
  ] as const)("(%s) is well-formed in each piece, and as a whole what the whole would be", (field, type) => {
    fc.assert(
      fc.property(pieces, (texts) => {
        const said = textOf(read(...texts.map((text) => chunk({ [field]: text })), chunk({}, "stop")), type);
        for (const text of said) expect([text.isWellFormed(), text === ""]).toEqual([true, false]);
        expect(said.join("")).toBe(texts.join("").toWellFormed());
      }),
      { numRuns: 500 },
    );
  });

  test("holds back half of a character and nothing else, and counts it as progress", () => {
    const reader = createAnswerReader("m");
    expect(reader.read(chunk({ content: "a\ud83d" }))).toEqual({
      events: [{ type: "text", text: "a" }],
      progressed: true,
    });
    expect(reader.read(chunk({ content: "" }))).toEqual({ events: [], progressed: false });
    expect(reader.read(chunk({ reasoning: "\ud83d" }))).toEqual({ events: [], progressed: true });
    expect(reader.read(chunk({ content: "\ude00b" }))).toEqual({
      events: [{ type: "text", text: "😀b" }],
      progressed: true,
    });
  });

  test.each(["stop", "length", "content_filter"])("ends with U+FFFD when its last half never came (%s)", (finish) => {
    const events = read(chunk({ content: "a\ud83d" }), chunk({ reasoning: "b\ud83d" }), chunk({}, finish));
    expect([textOf(events, "text"), textOf(events, "reasoning")]).toEqual([
      ["a", "�"],
      ["b", "�"],
    ]);
    expect(events.at(-1)).toMatchObject({ type: "end", finish });
  });

  test("ends before the calls that follow it", () => {
    const call = { index: 0, id: "a", function: { name: "look", arguments: "{}" } };
    const events = read(chunk({ content: "a\ud83d" }), chunk({ tool_calls: [call] }, "tool_calls"));
    expect(events.map(({ type }) => type)).toEqual(["text", "text", "tool_calls", "end"]);
  });
});

describe("tool calls", () => {
  const callsOf = (...deltas: object[]) =>
    read(...deltas.map((delta) => chunk({ tool_calls: [{ index: 0, ...delta }] })), chunk({}, "tool_calls"))
      .flatMap((event) => (event.type === "tool_calls" ? event.calls : []))
      .map(({ name, arguments: text }): unknown => [name, JSON.parse(text)]);

  test("have well-formed names and arguments, keys and escapes included", () => {
    fc.assert(
      fc.property(piece, fc.nat(200), fc.boolean(), (text, at, isObject) => {
        const args = { [`k${text}`]: [text] };
        const written = JSON.stringify(args);
        const cut = at % written.length;
        const parts = isObject ? [args] : [written.slice(0, cut), written.slice(cut)];
        const [call] = callsOf(
          { id: "a", function: { name: `look${text}`, arguments: parts[0] } },
          ...parts.slice(1).map((part) => ({ function: { arguments: part } })),
        );
        const whole = text.toWellFormed();
        expect(call).toEqual([`look${whole}`, { [`k${whole}`]: [whole] }]);
      }),
      { numRuns: 300 },
    );
  });

  test("are put together before they are looked at: halves in two deltas are one character", () => {
    const args = [
      { id: "a", function: { name: "look", arguments: '{"x":"\ud83d' } },
      { function: { arguments: '\ude00"}' } },
    ];
    expect(callsOf(...args)).toEqual([["look", { x: "😀" }]]);
  });
});

test("the model's own name is well-formed", () => {
  expect(read({ ...chunk({ content: "x" }, "stop"), model: "m\ud83d" }).at(-1)).toMatchObject({ model: "m�" });
});

describe("a stream of bytes", () => {
  const whole = "😀 щ 漢";

  test("may be cut anywhere, also inside a character", async () => {
    const data = Buffer.from(
      `data: ${JSON.stringify(chunk({ content: whole }))}\n\ndata: ${JSON.stringify(chunk({}, "stop"))}\n\ndata: [DONE]\n\n`,
    );
    await using provider = await startProvider((res, _request, turn) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      const first = data.indexOf("😀") + 1 + turn;
      res.write(data.subarray(0, first), () => setImmediate(() => res.end(data.subarray(first))));
    });
    for (let cut = 0; cut < Buffer.byteLength(whole); cut++) {
      const events = await collect(provider.client(), question, never());
      expect(textOf(events, "text").join("")).toBe(whole);
    }
  });

  test("that is not UTF-8 has U+FFFD in its place", async () => {
    await using provider = await startProvider((res) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      const [head = "", tail = ""] = `data: ${JSON.stringify(chunk({ content: "a#b" }, "stop"))}\n\n`.split("#");
      res.end(Buffer.concat([Buffer.from(head), Buffer.from([0xff]), Buffer.from(`${tail}data: [DONE]\n\n`)]));
    });
    const events = await collect(provider.client(), question, never());
    expect(textOf(events, "text").join("")).toBe("a�b");
  });
});
