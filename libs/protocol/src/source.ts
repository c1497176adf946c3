import { z } from "zod";

export const Source = z
  .object({
    title: z.string().describe("The document's title and the headings above the passage."),
    file: z.string().optional().describe("The document's file."),
    passage: z
      .string()
      .optional()
      .describe(
        "The beginning of the passage itself: at most `passageBytes`, of the first `passagesPerTurn`. Absent: it is not kept.",
      ),
    score: z.number().optional().describe("How well it fits; larger is better."),
  })
  .describe("A passage of a document that the answer may rest on.");
export type Source = z.infer<typeof Source>;
