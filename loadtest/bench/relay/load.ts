import { z } from "zod";

/** What is written and who looks at it. */
export const Load = z.object({
  turns: z.number().int(),
  /** Tokens per second of one turn. */
  rate: z.number(),
  seconds: z.number(),
  /** Least time between two appends of one turn. */
  flushMs: z.number(),
  viewersPerTurn: z.number().int(),
});
export type Load = z.infer<typeof Load>;

export function tokensOf({ turns, rate, seconds }: Load): number {
  return Math.round(turns * rate * seconds);
}

export function conversationOf(turn: number): string {
  return `relay-${turn}`;
}
