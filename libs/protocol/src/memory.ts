import { z } from "zod";
import { limits } from "./limits.ts";
import { openEnum } from "./open-enum.ts";

/** What a user wants to be remembered, beyond a conversation. */

export const MemoryFactId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, '_' or '-'")
  .describe("The fact.");

export const MemoryFact = z
  .object({
    id: MemoryFactId,
    text: z.string().describe("What is remembered, in one line."),
    customer_id: z
      .string()
      .optional()
      .describe(
        "The customer of whom it tells: it is given to the model in turns for this customer alone. Absent: in turns for none.",
      ),
    by: openEnum(["assistant", "user"]).describe("Who wrote it down: an agent in a conversation, or the user."),
    ts: z.number().describe("When it was last written, ms since 1970."),
  })
  .describe("Something that is remembered of a user.");
export type MemoryFact = z.infer<typeof MemoryFact>;

/**
 * All that is remembered of a user in a tenant, as the stream `MEMORY` keeps it: the last record counts. Each names the number after the one before it,
 * and is stored only if nothing came between (compare-and-set).
 */
export const MemoryRecord = z.object({
  v: z.number().int(),
  kind: z.literal("memory"),
  n: z.number().int().positive(),
  /** False: the user wants nothing to be remembered, nor what is there to be used. */
  enabled: z.boolean(),
  facts: z.array(MemoryFact),
  ts: z.number(),
});
export type MemoryRecord = z.infer<typeof MemoryRecord>;

/** A fact as it is kept: one line. Undefined: it says nothing, or too much. */
export function memoryLine(text: string): string | undefined {
  const line = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  if (line === "" || new TextEncoder().encode(line).length > limits.memoryFactBytes) return undefined;
  return line;
}
