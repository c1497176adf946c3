import { describe, expect, test } from "vitest";
import { turnOfQuestion, questionId } from "../src/ag-ui/addresses.ts";
import { decisionsOf, RunAgentInput, runOf } from "../src/ag-ui/decode.ts";

const run = (more: object) => runOf(RunAgentInput.parse({ threadId: "t", runId: "r", messages: [], ...more }));
const user = (content: unknown, id = "m1") => ({ id, role: "user", content });
const answer = { id: "a", role: "assistant", content: "Because." };

describe("what a run asks", () => {
  test("is the last user message, and the thread up to it", () => {
    const { question, thread, hasAnswer } = run({ messages: [user("one"), answer, user("two", "m2")] });
    expect(question).toEqual({ id: "m2", text: "two", files: [] });
    expect(thread.map(({ id }) => id)).toEqual(["m1", "a", "m2"]);
    expect(hasAnswer).toBe(false);
  });

  test("is nothing new where an answer stands behind it, and nothing at all without a user message", () => {
    expect(run({ messages: [user("one"), answer] })).toMatchObject({ hasAnswer: true, question: { id: "m1" } });
    expect(run({ messages: [{ id: "s", role: "system", content: "Be kind." }] }).question).toBeUndefined();
    expect(run({ messages: [user("one"), { id: "s", role: "developer", content: "!" }] }).hasAnswer).toBe(false);
  });

  test("is text, in parts as well, and files with their data", () => {
    const parts = [
      { type: "text", text: "one" },
      { type: "text", text: "two" },
    ];
    expect(run({ messages: [user(parts)] }).question?.text).toBe("one\ntwo");
    const image = { type: "image", source: { type: "url", value: "https://example.org/a.png" } };
    expect(() => run({ messages: [user([...parts, image])] })).toThrow("are not fetched");
    expect(() => run({ messages: [user(null)] })).toThrow("texts and files");
    const data = { type: "image", source: { type: "data", value: "AQID", mimeType: "image/png" } };
    const old = { type: "binary", mimeType: "text/plain", data: "YQ==", filename: "a.txt" };
    expect(run({ messages: [user([...parts, data, old])] }).question?.files).toEqual([
      { name: "file.png", mediaType: "image/png", bytes: Buffer.from([1, 2, 3]) },
      { name: "a.txt", mediaType: "text/plain", bytes: Buffer.from("a") },
    ]);
  });

  test("has a bounded id and bounded depth", () => {
    expect(() => run({ messages: [user("one", "i".repeat(129))] })).toThrow("1 to 128 characters");
    let deep: unknown = "x";
    for (let level = 0; level < 40; level++) deep = [deep];
    expect(() => run({ messages: [{ ...answer, extra: deep }, user("one")] })).toThrow("nested deeper");
  });

  test("says by its version which words are known, and may name a model", () => {
    expect(run({ protocolVersion: "1.0", forwardedProps: { model: "m" } })).toMatchObject({ isOne: true, model: "m" });
    expect(run({ protocolVersion: null, forwardedProps: "?" })).toMatchObject({ isOne: false, model: undefined });
    expect(run({ state: null, resume: null, tools: [{ name: "x" }] }).resume).toEqual([]);
  });

  test("knows results that the client has made up", () => {
    const own = { id: "t-0-0-result", role: "tool", toolCallId: "t-0-0", content: "done" };
    const madeUp = { id: "x", role: "tool", toolCallId: "t-0-1", content: "yes" };
    expect([...run({ messages: [user("one"), answer, own, madeUp] }).madeUp]).toEqual(["t-0-1"]);
  });
});

describe("what people say to interrupts", () => {
  const entry = (payload: unknown, more: object = {}) => ({
    interruptId: "t-0-0",
    status: "resolved" as const,
    payload,
    ...more,
  });

  test.each([
    [{ approved: true }, { approved: true }],
    [false, { approved: false }],
    [
      { approved: true, reason: "fine", confirm: "prod", like_ms: 5, content: { why: "x" } },
      { approved: true, reason: "fine", confirm: "prod", like_ms: 5, content: { why: "x" } },
    ],
    [{ approved: false, reason: null }, { approved: false }],
  ])("%o is a word", (payload, decision) => {
    expect(decisionsOf([entry(payload)])).toEqual({ turn: "t", decisions: [{ call_id: "t-0-0", ...decision }] });
  });

  test.each([
    undefined,
    {},
    "yes",
    { approved: "yes" },
    { approved: true, editedArgs: {} },
    { approved: true, reason: 7 },
  ])("%o is none", (payload) => {
    expect(() => decisionsOf([entry(payload)])).toThrow("`resume` must say");
  });

  test("turning away is a no", () => {
    expect(decisionsOf([{ interruptId: "t-0-0", status: "cancelled" }]).decisions).toMatchObject([{ approved: false }]);
  });

  test("they are of one turn", () => {
    expect(() => decisionsOf([entry(true), entry(true, { interruptId: "u-0-0" })])).toThrow("one run");
    expect(() => decisionsOf([entry(true, { interruptId: "nothing" })])).toThrow("no interrupts");
    expect(() => decisionsOf([entry(true, { interruptId: "a b" })])).toThrow("no such interrupt");
  });
});

test("a question that was named by us leads back to its turn", () => {
  expect(turnOfQuestion(questionId("t1"))).toBe("t1");
  expect(turnOfQuestion("t1-a")).toBeUndefined();
  expect(turnOfQuestion("no turn-u")).toBeUndefined();
});
