import { z } from "zod";

/** What a deployment has to offer, as its workers announce it. */

export const AgentChoice = z.object({
  name: z.string().max(64).describe("What a message says as `agent`."),
  description: z.string().max(300).describe("One sentence for people."),
  examples: z.array(z.string().max(300)).max(4).optional().describe("Messages that people would send to it."),
});
export type AgentChoice = z.infer<typeof AgentChoice>;

export const ModelChoice = z.object({
  name: z.string().max(128).describe("What a message says as `model`."),
  title: z.string().max(128).optional().describe("For people, where the name says little."),
});
export type ModelChoice = z.infer<typeof ModelChoice>;

export const Simulated = z.object({
  model: z.boolean().describe("Answers come from the simulated model."),
  cluster: z.boolean().describe("Tools work on the simulated cluster."),
});
export type Simulated = z.infer<typeof Simulated>;
