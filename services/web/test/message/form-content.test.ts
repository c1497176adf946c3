import type { FormField } from "@parley/protocol";
import { formProblem } from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formAnswer, type FormValues } from "../../src/message/form-content.ts";
import { messageEn } from "../../src/words/message.en.ts";

const words = messageEn.form;
const fields: FormField[] = [
  { name: "env", type: "string", title: "Environment", options: ["staging", "production"], required: true },
  { name: "replicas", type: "integer" },
  { name: "ratio", type: "number" },
  { name: "note", type: "string" },
  { name: "notify", type: "boolean" },
  { name: "zones", type: "choices", options: ["a", "b"] },
];

describe("what was filled in", () => {
  test("is sent by the type of its field", () => {
    const values = { env: "staging", replicas: " 3 ", ratio: "0,5", note: "x", notify: true, zones: ["b"] };
    expect(formAnswer(fields, values, words)).toEqual({
      content: { env: "staging", replicas: 3, ratio: 0.5, note: "x", notify: true, zones: ["b"] },
    });
  });

  test("is left out where it is nothing", () => {
    expect(formAnswer(fields, { env: "staging", note: " ", zones: [] }, words)).toEqual({
      content: { env: "staging", notify: false },
    });
  });

  test.each<[FormValues, string, string]>([
    [{}, "env", "Fill in “Environment”."],
    [{ env: "elsewhere" }, "env", "Choose one of the values of “Environment”."],
    [{ env: "staging", replicas: "1.5" }, "replicas", "“replicas” must be a whole number."],
    [{ env: "staging", replicas: "many" }, "replicas", "“replicas” must be a whole number."],
    [{ env: "staging", ratio: "half" }, "ratio", "“ratio” must be a number."],
    [{ env: "staging", ratio: "Infinity" }, "ratio", "“ratio” must be a number."],
  ])("is not sent where it does not fit: %j", (values, field, problem) => {
    expect(formAnswer(fields, values, words)).toEqual({ field, problem });
  });

  test("is not sent where a field is of a kind that the page does not know", () => {
    expect(formAnswer([{ name: "when", type: "date" }], {}, words)).toMatchObject({ field: "when" });
  });

  test("is what the server takes", () => {
    const text = fc.oneof(fc.string(), fc.constantFrom("1", "2,5", "-3", "1e3", "staging", "1 000"));
    fc.assert(
      fc.property(
        fc.record({
          env: text,
          replicas: text,
          ratio: text,
          note: text,
          notify: fc.boolean(),
          zones: fc.subarray(["a", "b"]),
        }),
        (values) => {
          const answer = formAnswer(fields, values, words);
          fc.pre("content" in answer);
          expect(formProblem(fields, "content" in answer ? { ...answer.content } : {})).toBeUndefined();
        },
      ),
    );
  });
});
