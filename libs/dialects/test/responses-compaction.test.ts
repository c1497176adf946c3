import fc from "fast-check";
import { ChatError } from "@parley/protocol";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { RequestMessage } from "../src/chat-completions/content.ts";
import { compactionItem, messagesOfCompaction } from "../src/responses/compaction.ts";
import { messageIn, ResponsesRequest } from "../src/responses/decode.ts";

const Item = z.object({ type: z.literal("compaction"), encrypted_content: z.string() });
const itemOf = (messages: readonly RequestMessage[]) => Item.parse(compactionItem("cmp_1", messages));
const kept = (messages: readonly RequestMessage[]) => messagesOfCompaction(itemOf(messages).encrypted_content, "x");
const round = (at: number, length = 5): RequestMessage[] => [
  { role: "user", content: `question ${at}` },
  { role: "assistant", content: "a".repeat(length) },
];

describe("a compaction", () => {
  test("is all that was said, where that has room, and begins a new conversation with it", () => {
    const said = [{ role: "system" as const, content: "Be brief." }, ...round(1), ...round(2)];
    expect(kept(said)).toEqual(said);
    const input = [itemOf(said), { role: "user", content: "And now?" }];
    const { message, given } = messageIn(ResponsesRequest.parse({ input }), undefined);
    expect(message).toBe("And now?");
    expect(given?.messages?.map(({ content }) => content)).toEqual([
      ...["Be brief.", "question 1", "aaaaa", "question 2", "aaaaa", "And now?"],
    ]);
  });

  test("has the newest rounds, and says that others were left out", () => {
    const said = Array.from({ length: 40 }, (_, at) => round(at, 4_000)).flat();
    const [note, ...rest] = kept(said);
    expect(note?.content).toMatch(/\b\d+ earlier messages and their answers are left out/);
    expect(rest).toEqual(said.slice(-rest.length));
    expect(rest.length).toBeGreaterThan(20);
  });

  test("of one question that is larger than all is its beginning, without calls", () => {
    const call = { id: "c1", function: { name: "f", arguments: "{}" } };
    const said: RequestMessage[] = [
      { role: "user", content: "q".repeat(100_000) },
      { role: "assistant", content: "", tool_calls: [call] },
      { role: "tool", tool_call_id: "c1", content: "r" },
      { role: "assistant", content: "Done." },
    ];
    const short = kept(said);
    expect(short.map(({ role }) => role)).toEqual(["user", "assistant"]);
    expect(short[1]?.content).toBe("Done.");
    expect(short[0]?.content).toEqual(expect.stringMatching(/^q{4000,}…$/));
  });

  test("can be read again whatever was said, and is never large", () => {
    const text = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.integer({ max: 70_000, min: 0 }).map((n) => "é".repeat(n)),
    );
    const message = fc.record({
      role: fc.constantFrom("system" as const, "user" as const, "assistant" as const),
      content: text,
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (said) => {
        expect(itemOf(said).encrypted_content.length).toBeLessThan(90_000);
        kept(said);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    "",
    "gAAAAABo",
    "parley-compaction-1.",
    `parley-compaction-1.${"A".repeat(90_000)}`,
    "parley-compaction-1.eyJhIjoxfQ",
  ])("that is none of ours is refused, and not passed over: %j", (encrypted_content) => {
    const body = ResponsesRequest.parse({
      input: [
        { type: "compaction", encrypted_content },
        { role: "user", content: "Hi" },
      ],
    });
    expect(() => messageIn(body, undefined)).toThrow(ChatError);
  });
});
