import { z } from "zod";

/** Where passages are read, each under its id. */
export const sourcesPath = "/api/v1/sources";

export const Source = z
  .object({
    title: z.string().describe("The document's title and the headings above the passage."),
    id: z
      .string()
      .max(64)
      .optional()
      .describe(
        "The passage's own id: the same as long as its words and its place stay. Absent: an older worker found it.",
      ),
    file: z.string().optional().describe("The path of the document: its collection and its name."),
    heading: z.string().optional().describe("The nearest heading above the passage."),
    link: z.string().optional().describe("Where the whole passage is read: `GET /api/v1/sources/:id`."),
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

/** What an answer rests on. */
export const AnswerContext = z.object({
  sources: z.array(Source),
  found: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe(
      "How many passages the model was given. 0: the documents say nothing of what was asked. Absent: the agent has none.",
    ),
  cited: z
    .array(z.number().int().positive())
    .optional()
    .describe(
      "Which of the sources the answer cites, by their place, from 1 on, as it says `[1]`. Empty: it cites none.",
    ),
});
