import { expect, test } from "vitest";
import { createCleanWords } from "../../src/model/clean-words.ts";
import { collectUntilError, never, sendJson, sendStream, startProvider, type Answer } from "./fake-provider.ts";

const messages = [
  { role: "system" as const, content: "You are the operator's agent" },
  { role: "user" as const, content: "My password is\nhunter2secret, and I live in Łódź" },
  { role: "tool" as const, tool_call_id: "c", content: '{"iban":"DE02120300000000202051"}' },
];
const request = { messages, tools: [], requestId: "r" };

test.each([
  ["Bad max_tokens: 5000", "Bad max_tokens: 5000"],
  ["I refuse: hunter2secret", "I refuse: […]"],
  ["cut: hunter2se", "cut: […]"],
  ["in HUNTER2SECRET and Łódź", "in […] and […]"],
  ['got {"iban":"DE02120300000000202051"}', 'got {"[…]"}'],
  ["no operator", "no operator"],
  ["key sk-1 is bad", "key [key] is bad"],
])("of %j %j is for the log", (words, clean) => {
  expect(createCleanWords("sk-1", { messages })(words)).toBe(clean);
});

const error = { error: { message: "blocked: hunter2secret", code: "hunter2secret", type: "invalid_request_error" } };

test.each([
  ["with a status", (res) => sendJson(res, 400, error)],
  ["with another body", (res) => sendJson(res, 500, "hunter2secret")],
  ["in a stream", (res) => sendStream(res, error)],
] satisfies [string, Answer][])(
  "no log has what a provider quotes of the conversation in an error %s",
  async (_, answer) => {
    await using provider = await startProvider(answer);
    const { error: thrown } = await collectUntilError(provider.client(), request, never());
    if (!(thrown instanceof Error) || !(thrown.cause instanceof Error)) throw new Error("no cause", { cause: thrown });
    expect(thrown.cause.message).toContain("[…]");
    expect(`${thrown.stack} ${thrown.cause.stack}`).not.toContain("hunter2secret");
  },
);
