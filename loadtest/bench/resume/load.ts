import { z } from "zod";

export const ResumeLoad = z.object({
  /** Each looks at a conversation of its own. */
  viewers: z.number().int(),
  /** The first so many conversations have an answer that is being written. */
  streaming: z.number().int(),
  /** Tokens per second of one answer. */
  rate: z.number(),
});
export type ResumeLoad = z.infer<typeof ResumeLoad>;

export function conversationOf(index: number): string {
  return `resume-${index}`;
}
