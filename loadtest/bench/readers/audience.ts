import { z } from "zod";
import { Load } from "../relay/load.ts";

/** Conversation 0 of the load is the one with many readers; each of the others has one, a bystander. */
export const Audience = z.object({
  ports: z.array(z.number()),
  secret: z.string(),
  load: Load,
  readers: z.number().int(),
});
export type Audience = z.infer<typeof Audience>;

const Group = z.object({
  ...{ tokens: z.number(), frames: z.number(), disorder: z.number() },
  ...{ p50: z.number(), p99: z.number() },
});

/** What was seen since the last time. */
export const Seen = z.object({ readers: Group, bystanders: Group });
export type Seen = z.infer<typeof Seen>;
