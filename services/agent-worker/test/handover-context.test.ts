import { expect, test } from "vitest";
import { handedOverMessages } from "../src/handover/handover-context.ts";

const said = (name?: string) =>
  handedOverMessages({
    question: {
      message_id: "m",
      ts: 1,
      message: "I can.",
      author: { role: "operator", id: "o", ...(name === undefined ? {} : { name }) },
    },
    answer: {
      ...{ message_id: "a", author: { role: "assistant" }, ts: 2, status: "complete", message: "", parts: [] },
      metadata: { handover: "taken" },
    },
  } as Parameters<typeof handedOverMessages>[0]);

test.each([
  ["OLGA", "[OLGA, a person of the staff, wrote in your place:]\nI can."],
  [undefined, "[A person of the staff wrote in your place:]\nI can."],
])("says to the model that %s has answered", (name, content) => {
  expect(said(name)).toEqual([{ role: "assistant", content }]);
});
