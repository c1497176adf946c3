import { expect, test } from "vitest";
import { handedOverMessages } from "../src/handover/handover-context.ts";

const said = (name?: string) =>
  handedOverMessages({
    question: {
      ...{ message_id: "m", turn_id: "t", ts: 1, message: "I can.", status: "complete", parts: [] },
      author: { role: "operator", id: "o", ...(name === undefined ? {} : { name }) },
    },
    answer: {
      ...{
        message_id: "a",
        turn_id: "t",
        author: { role: "assistant" },
        ts: 2,
        status: "complete",
        message: "",
        parts: [],
      },
      metadata: { handover: "taken" },
    },
  });

test.each([
  ["OLGA", "[OLGA, a person of the staff, wrote in your place:]\nI can."],
  [undefined, "[A person of the staff wrote in your place:]\nI can."],
])("says to the model that %s has answered", (name, content) => {
  expect(said(name)).toEqual([{ role: "assistant", content }]);
});
