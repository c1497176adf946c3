import { expect, it } from "vitest";
import { csvOf } from "../../scripts/feedback/feedback-csv.ts";

it("has a header, and quotes what a table could not tell apart", () => {
  const row = { at: "2026-11-29T10:00:00.000Z", rating: "down", comment: 'It said "no",\nwhy?', question: "Why?" };
  expect(csvOf([row])).toEqual([
    "at,conversation_id,turn_id,message_id,user_id,agent,model,rating,comment,question,answer",
    '2026-11-29T10:00:00.000Z,,,,,,,down,"It said ""no"",\nwhy?",Why?,',
  ]);
});

it.each(["=HYPERLINK(1)", "+1", "-1+2", "@SUM(1)", "\t=1", "  =1", "|calc", "\r=1", "\u00a0=1", "%0A"])(
  "keeps a spreadsheet from running %j",
  (comment) => {
    const [, line = ""] = csvOf([{ comment }]);
    expect(line.split(",")[8]?.replaceAll('"', "")).toBe(`'${comment}`);
  },
);

it("leaves ordinary words as they are", () => {
  expect(csvOf([{ comment: "5 - 3 = 2", answer: "a@b" }])[1]).toBe(",,,,,,,,5 - 3 = 2,,a@b");
});
