import { describe, expect, test } from "vitest";
import { formProblem, type ApprovalForm, type FormContent } from "../src/approval-form.ts";

const form: ApprovalForm = [
  { name: "colour", type: "string", options: ["red", "blue"], required: true },
  { name: "count", type: "integer" },
  { name: "share", type: "number" },
  { name: "sure", type: "boolean" },
  { name: "days", type: "choices", options: ["Mon", "Tue"] },
];

describe("what is filled in of a form", () => {
  test.each<FormContent>([
    { colour: "red" },
    { colour: "blue", count: 3, share: 0.5, sure: false, days: [] },
    { colour: "blue", days: ["Mon", "Tue"] },
  ])("%j fits", (content) => {
    expect(formProblem(form, content)).toBeUndefined();
  });

  test.each<[FormContent, string]>([
    [{}, "The field colour has to be filled in."],
    [{ colour: "" }, "The field colour has to be filled in."],
    [{ colour: "green" }, "The field colour must be one of red, blue."],
    [{ colour: "red", count: 1.5 }, "The field count must be a whole number."],
    [{ colour: "red", share: "1" }, "The field share must be a number."],
    [{ colour: "red", sure: "yes" }, "The field sure must be true or false."],
    [{ colour: "red", days: "Mon" }, "The field days must be a list of any of Mon, Tue."],
    [{ colour: "red", days: ["Sun"] }, "The field days must be a list of any of Mon, Tue."],
    [{ colour: "red", toString: "x" }, "There is no field toString."],
  ])("%j does not: %s", (content, problem) => {
    expect(formProblem(form, content)).toBe(problem);
  });

  test("of a kind that this version does not know is refused", () => {
    expect(formProblem([{ name: "when", type: "date" }], { when: "today" })).toContain("a kind that is not known");
  });
});
