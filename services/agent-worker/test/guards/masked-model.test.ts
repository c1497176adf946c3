import fc from "../../../../test/fast-check.ts";
import { describe, expect, it } from "vitest";
import { createMask, createMaskedModel } from "../../src/guards/masked-model.ts";
import { memoryBlock } from "../../src/memory/facts.ts";
import { summaryBlock } from "../../src/memory/summary-text.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "../../src/model/model.ts";

const mail = "ann@example.org";
const card = "4111 1111 1111 1111";

/** A provider that says what it was given, in pieces of this length. */
function echo(chars: number, seen: ModelRequest[] = []): ModelClient {
  return {
    stream(request, _signal, onEvents) {
      seen.push(request);
      const last = request.messages.at(-1)?.content;
      const text = typeof last === "string" ? last : "";
      for (let at = 0; at < text.length; at += chars) onEvents([{ type: "text", text: text.slice(at, at + chars) }]);
      onEvents([
        { type: "tool_calls", calls: [{ name: "send", arguments: JSON.stringify({ to: text }) }] },
        { type: "end", finish: "tool_calls", model: "m" },
      ]);
      return Promise.resolve();
    },
  };
}

async function said(client: ModelClient, content: string): Promise<{ text: string; events: ModelEvent[] }> {
  const events: ModelEvent[] = [];
  const messages: ModelRequest["messages"] = [
    { role: "system", content: `Mail us at ${mail}.` },
    { role: "user", content },
  ];
  await client.stream({ messages, tools: [], requestId: "r" }, new AbortController().signal, (some) =>
    events.push(...some),
  );
  return { events, text: events.flatMap((one) => (one.type === "text" ? one.text : "")).join("") };
}

describe("a model whose provider gets no personal data", () => {
  it.each([1, 2, 3, 7, 1_000])("puts it back, also when it comes in pieces of %i", async (chars) => {
    const seen: ModelRequest[] = [];
    const content = `I am ${mail}, pay with ${card}, or ask ${mail}. [ok] [mail-1-x]`;
    const { text, events } = await said(createMaskedModel(echo(chars, seen), "t1"), content);
    const given = JSON.stringify(seen[0]?.messages.slice(1));
    expect(given).not.toContain(mail);
    expect(given).not.toContain("4111");
    expect(given.match(/\[mail-1-[0-9a-f]{8}\]/g)).toHaveLength(2);
    expect(text).toBe(content);
    const [calls] = events.flatMap((one) => (one.type === "tool_calls" ? [one.calls] : []));
    expect(JSON.parse(calls?.[0]?.arguments ?? "")).toEqual({ to: content });
    expect(events.at(-1)).toMatchObject({ type: "end" });
  });

  it("changes nothing where there is none", async () => {
    const seen: ModelRequest[] = [];
    const content = "Nothing of the kind [mail-";
    expect((await said(createMaskedModel(echo(3, seen), "t1"), content)).text).toBe(content);
    expect(seen[0]?.messages[1]?.content).toBe(content);
  });

  it("masks what is remembered of the user, and what was said before, and not what the operator says", async () => {
    const seen: ModelRequest[] = [];
    const content = [
      `Mail us at ask@parley.example.\n\n${memoryBlock([{ id: "m_1", text: `Has the mail ${mail}`, by: "user", ts: 0 }])}`,
      summaryBlock(`The user pays with ${card}.`),
    ].join("\n\n");
    const messages: ModelRequest["messages"] = [
      { role: "system", content },
      { role: "user", content: `Is it ${mail}?` },
    ];
    const request = { messages, tools: [], requestId: "r" };
    const text: string[] = [];
    await createMaskedModel(echo(5, seen), "t1").stream(request, new AbortController().signal, (events) =>
      text.push(...events.flatMap((one) => (one.type === "text" ? one.text : []))),
    );
    const given = JSON.stringify(seen[0]?.messages);
    expect(given).toContain("ask@parley.example");
    expect(given).not.toContain(mail);
    expect(given).not.toContain("4111");
    expect(text.join("")).toBe(`Is it ${mail}?`);
  });

  it("uses the same words for the same turn, and others for another one", () => {
    expect(createMask("t1").mask(mail)).toBe(createMask("t1").mask(mail));
    expect(createMask("t1").mask(mail)).not.toBe(createMask("t2").mask(mail));
  });

  it("loses no character of any text, however it is cut", () => {
    void fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 12 })), (pieces) => {
        const mask = createMask("t1");
        mask.mask(mail);
        const stream = mask.createStream();
        expect(pieces.map((piece) => stream.push(piece)).join("") + stream.end()).toBe(pieces.join(""));
      }),
    );
  });
});
