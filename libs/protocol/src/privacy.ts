import { z } from "zod";
import { openEnum } from "./open-enum.ts";

/** What the stream `PRIVACY` keeps: who is held, who wants to be forgotten and how far that is, and which process does the work (docs/adr/0032). */

export const heldThings = ["tenant", "user", "conversation"] as const;
export const HeldThing = z.object({ kind: z.enum(heldThings), id: z.string().min(1).max(256) });
export type HeldThing = z.infer<typeof HeldThing>;

/** A legal hold: nothing of this is deleted, whoever asks. There for as long as it holds. */
export const HoldRecord = z.object({
  v: z.number().int(),
  kind: z.literal("hold"),
  on: HeldThing,
  by: z.string(),
  reason: z.string(),
  /** ms since 1970. */
  since: z.number(),
});
export type HoldRecord = z.infer<typeof HoldRecord>;

/** What an erasure does, in this order; each can be repeated. `events`: waits until the events of then are forgotten. */
export const erasureSteps = ["doors", "conversations", "belongings", "events", "done"] as const;
export type ErasureStep = (typeof erasureSteps)[number];

const count = z.number().int().nonnegative().optional();
/** What went, by kind; of conversations the records that went or lost the name. */
export const ErasureCounts = z.object({
  conversations: count,
  memories: count,
  usage: count,
  documents: count,
  files: count,
  accounts: count,
  notices: count,
});
export type ErasureCounts = z.infer<typeof ErasureCounts>;

export const ErasureRecord = z.object({
  v: z.number().int(),
  kind: z.literal("erasure"),
  erasure_id: z.string(),
  state: openEnum(["running", "held", "done"]),
  step: openEnum(erasureSteps),
  /** Who it is. Absent once it is done: what is left is a receipt that names nobody. */
  person: z.object({ user: z.string(), tenants: z.array(z.string()) }).optional(),
  /** By which they are named in what stays. Absent once it is done. */
  pseudonym: z.string().optional(),
  asked_by: openEnum(["user", "operator"]),
  asked_at: z.number(),
  /** When something was last found that had to go. */
  touched_at: z.number(),
  counts: ErasureCounts,
  /** Why it does not go on. */
  note: z.string().optional(),
  done_at: z.number().optional(),
  ts: z.number(),
});
export type ErasureRecord = z.infer<typeof ErasureRecord>;

/** Who does the work of the deployment. Whoever has not renewed it for long enough has lost it. */
export const LeaseRecord = z.object({
  v: z.number().int(),
  kind: z.literal("lease"),
  holder: z.string(),
  /** Counts renewals. */
  n: z.number().int().positive(),
});
export type LeaseRecord = z.infer<typeof LeaseRecord>;

const SweepCounts = z.object({
  looked: z.number().int().nonnegative(),
  removed: z.number().int().nonnegative(),
  held: z.number().int().nonnegative(),
  busy: z.number().int().nonnegative(),
});
export type SweepCounts = z.infer<typeof SweepCounts>;

/** How far the sweep of old conversations is. */
export const SweepRecord = z.object({
  v: z.number().int(),
  kind: z.literal("sweep"),
  /** Of the round that is under way, or is next. */
  began_at: z.number(),
  shard: z.number().int().nonnegative(),
  /** Looked at up to this sequence of that shard's log. */
  seq: z.number().int().nonnegative(),
  counts: SweepCounts,
  /** Of the last whole round. */
  last: z.object({ began_at: z.number(), ended_at: z.number(), counts: SweepCounts }).optional(),
  ts: z.number(),
});
export type SweepRecord = z.infer<typeof SweepRecord>;
