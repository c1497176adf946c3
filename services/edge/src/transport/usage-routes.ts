import type { May } from "@parley/protocol";
import { z } from "zod";
import type { UsageReading } from "../commands/usage.ts";
import { jsonReply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

const UsageAnswer = z.object({
  kept: z.boolean().describe("Whether this service counts what is used; false: there are no periods."),
  currency: z.string().describe("Of the costs, as three letters."),
  periods: z
    .array(
      z.object({
        of: z.enum(["user", "tenant"]),
        period: z.string().describe("`day` or `month`, by UTC; `hour` where that is limited. There may be others."),
        starts_at: z.number().describe("ms since 1970."),
        resets_at: z.number().describe("When the next one begins, ms since 1970."),
        tokens: z.number().describe("Tokens that models have read and written, and those that running answers hold."),
        tokens_limit: z.number().optional().describe("Absent: there is none."),
        cost_micros: z.number().describe("What that cost, in millionths of the currency."),
        cost_limit_micros: z.number().optional().describe("Absent: there is none."),
      }),
    )
    .describe("The current ones."),
});

export interface UsageRouteDeps {
  readonly usage: UsageReading;
  readonly may: May;
}

/** What a caller has used, and what is left. */
export function createUsageRoutes({ usage, may }: UsageRouteDeps): Route[] {
  return [
    defineRoute({
      method: "get",
      path: "/api/v1/usage",
      summary: "What the caller has used of models in the current day and month, and what they may use.",
      access: "user",
      params: nothing,
      query: nothing,
      body: nothing,
      responses: { 200: { description: "By period.", content: UsageAnswer } },
      handle: async ({ caller }) => jsonReply(200, UsageAnswer.parse(await usage.ofCaller({ may, caller }))),
    }),
  ];
}
