import { expect, it } from "vitest";
import { header, lineOf } from "../../scripts/usage/usage-csv.ts";

it("is a line for each record, with the cost in the currency, and runs nothing in a spreadsheet", () => {
  const row = {
    ...{ at: "2026-11-30T10:00:00.000Z", ended_at: "2026-11-30T10:00:09.000Z", tenant: "acme", user: "=1+1" },
    ...{ conversation_id: "c1", turn_id: "t1", purpose: "turn", agent: "general", model: "small, fast" },
    ...{ input_tokens: 1_200, cached_tokens: 0, output_tokens: 300, cost_micros: 960, currency: "USD" },
    ...{ prices_as_of: "2026-11-01", estimated: true, status: "error", code: "QUOTA_EXCEEDED" },
  };
  expect(header.split(",")).toHaveLength(18);
  expect(lineOf(row)).toBe(
    '2026-11-30T10:00:00.000Z,2026-11-30T10:00:09.000Z,acme,\'=1+1,c1,t1,turn,general,"small, fast",1200,0,300,0.000960,USD,2026-11-01,true,error,QUOTA_EXCEEDED',
  );
});

it("leaves out what nobody knows", () => {
  expect(lineOf({ turn_id: "t1", input_tokens: 5 })).toBe(",,,,,t1,,,,5,,,,,,,,");
});
