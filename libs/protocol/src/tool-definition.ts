import { z } from "zod";

/** What a tool worker offers, as it is announced to the agents (Redis hash `toolCatalogueKey`, one field per tool). */
export const ToolDefinition = z.object({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  /** Other names under which it is accepted; only `name` is offered to the model. */
  aliases: z.array(z.string()).default([]),
  description: z.string(),
  /** JSON Schema of the arguments. */
  parameters: z.record(z.string(), z.unknown()),
  /** `write`: changes something, so it runs at most once per call (P5). `read`: may be run again. */
  effect: z.enum(["read", "write"]),
  timeout_ms: z.number().int().positive(),
  /** A person must agree to each call (docs/adr/0017). */
  approval: z.literal("required").optional().catch("required"),
});
export type ToolDefinition = z.infer<typeof ToolDefinition>;

/** Tools that a client may call without a model: they read, and they say what of a cluster they touch, so that the policy can decide on each call. */
export function runsWithoutModel({ name, effect }: Pick<ToolDefinition, "name" | "effect">): boolean {
  return effect === "read" && name.startsWith(clusterToolPrefix);
}

/** How the names of the tools for Kubernetes begin. */
export const clusterToolPrefix = "k8s_";

export const toolCatalogueKey = "parley:tools";
