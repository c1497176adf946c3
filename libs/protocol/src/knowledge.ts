import { z } from "zod";

/** Documents of the agents, as their workers tell edges of them, so that people's clients can read what an answer rests on. */

/** What is told of them at most: it is kept in Redis, beside what must not be crowded out there. */
export const knowledgeLimits = {
  documents: 512,
  /** Of one document, in UTF-8. A longer one is not told of: half a runbook is none. */
  documentBytes: 256 * 1024,
  /** Of all together. */
  allBytes: 8 * 1024 * 1024,
  fileChars: 256,
  titleChars: 300,
} as const;

export const KnowledgeEntry = z.object({
  file: z.string().min(1).max(knowledgeLimits.fileChars).describe("As sources name it: the folder and the name in it."),
  title: z.string().max(knowledgeLimits.titleChars),
  bytes: z.number().int().nonnegative().max(knowledgeLimits.documentBytes).describe("In UTF-8."),
  hash: z
    .string()
    .regex(/^[\da-f]{64}$/)
    .describe("SHA-256 of the text, in hex."),
  agents: z
    .array(z.string().max(64))
    .max(64)
    .describe("Whose knowledge it is: who may use none of these may not read it."),
});
export type KnowledgeEntry = z.infer<typeof KnowledgeEntry>;
