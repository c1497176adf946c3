import type { TranscriptMessage } from "@parley/protocol";
import { expect, it } from "vitest";
import { aiSdk7 } from "../../dialects/ai-sdk.ts";
import { createNativeFold } from "../../dialects/native-fold.ts";
import { native } from "../../dialects/native.ts";
import { faultsOf, type Watched } from "../../dialects/watching.ts";

const call = { call_id: "t-0-0", tool_name: "look", arguments: {}, status: "denied", result: "", duration_ms: 1 };
const record: TranscriptMessage = {
  ...{ turn_id: "t", ts: 1, message_id: "t-a", author: { role: "assistant" }, status: "complete", message: "one two" },
  parts: [
    { type: "reasoning", text: "Hm." },
    { type: "text", text: "one " },
    { type: "tool_call", ...call },
    { type: "text", text: "two" },
  ],
  tool_calls: [{ ...call, status: "denied" }],
  usage: { input_tokens: 1, output_tokens: 1 },
};
const seen = { text: "one two", reasoning: "Hm.", calls: [{ name: "look", status: "denied" }], end: "complete" };
const watched: Watched = { viewer: native, turn: "t", seen, trouble: undefined, isBreach: false, visits: 1 };

it("finds nothing wrong with a viewer that has what is stored", () => {
  expect(faultsOf(watched, record)).toEqual([]);
});

it("takes a dialect's own words for what is stored", () => {
  // Nobody was asked about the call, and the AI SDK's `denied` is the answer to a question.
  const failed = { ...seen, calls: [{ name: "look", status: "failed" }] };
  expect(faultsOf({ ...watched, viewer: aiSdk7, seen: failed }, record)).toEqual([]);
  expect(faultsOf({ ...watched, seen: failed }, record)).toHaveLength(1);
});

it.each<[string, Partial<Watched>, RegExp]>([
  ["a text that is not the stored one", { seen: { ...seen, text: "one twwo" } }, /^its text is of 8 characters/],
  ["reasoning that is not the stored one", { seen: { ...seen, reasoning: "" } }, /^its reasoning is/],
  ["a call that it was not told of", { seen: { ...seen, calls: [] } }, /^its calls are \[\]/],
  ["another end", { seen: { ...seen, end: "cancelled" } }, /^it ended as cancelled/],
  ["no end", { seen: undefined, trouble: "closed" }, /^it never saw the end: closed/],
  ["a breach", { seen: undefined, isBreach: true, trouble: "two ends" }, /^two ends$/],
])("finds %s", (_what, part, fault) => {
  const found = faultsOf({ ...watched, ...part }, record);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(fault);
});

it("finds an end of which nothing is stored", () => {
  expect(faultsOf(watched, undefined)).toHaveLength(1);
});

const place = { conversation: "c", turn: "t", message: undefined };
const common = { conversation_id: "c", turn_id: "t", ts: 1, attempt: 1 };
const token = (seq: number, text: string) => ({ type: "token", seq, ...common, n: seq, token: text });
const complete = (seq: number, response: string) => ({
  ...{ type: "complete", seq, ...common, n: seq, response, message_id: "t-a", tool_calls: [], metadata: {} },
  usage: { input_tokens: 1, output_tokens: 1 },
});

it("folds what comes once and in order", () => {
  const fold = createNativeFold(place);
  for (const frame of [token(1, "one "), token(2, "two"), complete(3, "one two")]) fold.take(frame);
  expect(fold.seen()).toMatchObject({ text: "one two", end: "complete" });
});

it.each<[string, readonly object[]]>([
  ["an event twice", [token(1, "one"), token(1, "one")]],
  ["an event that was overtaken", [token(2, "two"), token(1, "one")]],
  ["an end that has more than what came", [token(1, "one "), complete(3, "one two")]],
  ["two ends", [token(1, "one"), complete(2, "one"), complete(3, "one")]],
  ["an event after the end", [token(1, "one"), complete(2, "one"), token(3, "two")]],
  ["a frame that cannot be read", [{ type: "token" }]],
])("does not fold %s", (_what, frames) => {
  const fold = createNativeFold(place);
  expect(() => frames.forEach((frame) => fold.take(frame))).toThrow();
});
