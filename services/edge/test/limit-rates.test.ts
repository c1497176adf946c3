import { Limits } from "@parley/protocol";
import { expect, it } from "vitest";
import { createSharedRates } from "../src/admission/limit-rates.ts";

it("what is used up is known without asking, also where nobody but this edge counts", async () => {
  const limits = Limits.parse({ new_conversations_per_user: { rate: 2, burst: 2 } });
  const rates = createSharedRates({ redis: undefined, current: () => limits, deadlineMs: 100 });
  const name = "new_conversations_per_user";
  expect([await rates.consume(name, "anna"), await rates.consume(name, "anna")]).toEqual([0, 0]);
  expect(rates.refusedMs(name, "anna")).toBe(0);
  expect(await rates.consume(name, "anna")).toBeGreaterThan(0);
  expect(rates.refusedMs(name, "anna")).toBeGreaterThan(0);
  expect(rates.refusedMs(name, "bert")).toBe(0);
});
