import { z } from "zod";
import { ConversationId, TurnId } from "./ids.ts";
import { Usage } from "./usage.ts";

export const UsagePeriod = z
  .object({
    period: z.string().describe("`hour`, `day` or `month`, by UTC; there may be others."),
    resets_at: z.number().describe("When the next one begins, ms since 1970."),
    tokens: z
      .number()
      .describe("Tokens that the user's turns have read and written in it, and those that running answers hold."),
    tokens_limit: z.number().optional().describe("Absent: there is none."),
    cost_micros: z.number().describe("What that cost, in millionths of the currency."),
    cost_limit_micros: z.number().optional().describe("Absent: there is none."),
  })
  .describe("What a user has used of a quota.");
export type UsagePeriod = z.infer<typeof UsagePeriod>;

export const UsageFrame = z
  .object({
    type: z.literal("usage"),
    conversation_id: ConversationId,
    turn_id: TurnId,
    usage: Usage.optional().describe("What the turn has used. Absent: its end came in a snapshot, and says it there."),
    currency: z.string().describe("Of the costs, as three letters."),
    periods: z.array(UsagePeriod).describe("The user's own, of those periods that are limited."),
  })
  .describe(
    "What a turn has used, and what is left, behind its end: on the connection that has asked, where its user has quotas. It is not stored and has no `seq`.",
  );
export type UsageFrame = z.infer<typeof UsageFrame>;
