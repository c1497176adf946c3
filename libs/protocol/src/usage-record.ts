import { z } from "zod";
import { Usage } from "./usage.ts";
import { ConversationId, TurnId } from "./ids.ts";
import { openEnum } from "./open-enum.ts";

/** What a turn has used, or a call of a model beside turns: one message of the stream `USAGE`, kept for the bill. */
export const UsageRecord = z.object({
  v: z.number().int().min(1),
  kind: z.literal("usage"),
  /** The same for the same thing, whoever writes it: the turn's id, with the purpose behind it where it is not the turn itself. */
  id: z.string(),
  conversation_id: ConversationId,
  turn_id: TurnId,
  user: z.string(),
  tenant: z.string().optional(),
  /** What models were asked for. */
  purpose: openEnum(["turn", "title", "summary", "embedding", "other"]),
  status: openEnum(["complete", "cancelled", "error"]),
  /** Of an error. */
  code: z.string().optional(),
  agent: z.string().optional(),
  model: z.string().optional(),
  /** When the turn was accepted, by the broker's clock, ms since 1970: it counts for the periods of that moment. */
  at: z.number(),
  /** When it ended, by the clock of its worker. */
  ended_at: z.number(),
  usage: Usage,
});
export type UsageRecord = z.infer<typeof UsageRecord>;

/** What counts for quotas: tokens read and written, and money in millionths of the currency. */
export interface Spent {
  readonly tokens: number;
  readonly micros: number;
}

export const nothingSpent: Spent = { tokens: 0, micros: 0 };

/** What costs in another currency counts for its tokens only. */
export function spentOf({ input_tokens, output_tokens, cost }: Usage, currency: string): Spent {
  return { tokens: input_tokens + output_tokens, micros: cost?.currency === currency ? cost.micros : 0 };
}
