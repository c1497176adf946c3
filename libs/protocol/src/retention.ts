import { z } from "zod";

const mostDays = 36_500;
/** Also parts of a day, so that it can be tried. */
const Days = z.number().positive().max(mostDays);

/** How long conversations are kept after something last happened in them; null: for ever. What the audit log and usage are kept for is set where their streams are made. */
export const Retention = z.strictObject({
  /** Of every tenant that says nothing else, and of users without one. */
  conversation_days: Days.nullable().default(null),
  tenants: z.record(z.string().min(1).max(256), z.strictObject({ conversation_days: Days.nullable() })).default({}),
  /** Conversations that the sweep looks at in a second, at most. */
  sweep_per_second: z.number().positive().max(1_000).default(50),
  /** From the end of one round to the beginning of the next one. */
  sweep_every_s: z.number().positive().max(604_800).default(3_600),
});
export type Retention = z.infer<typeof Retention>;

/** What becomes of what somebody shares with others when they are erased. */
export const Erasure = z.strictObject({
  /** Conversations of theirs with other members: `hand_over` to the one who writes in it for longest, or `delete`. */
  rooms: z.enum(["hand_over", "delete"]).default("hand_over"),
  /** Documents that they brought for their tenant: `keep`, without saying who brought them, or `delete`. */
  documents: z.enum(["keep", "delete"]).default("keep"),
});
export type Erasure = z.infer<typeof Erasure>;

/** How long a conversation of this tenant is kept, ms; undefined: for ever. */
export function keptMs(
  { tenants, conversation_days }: Pick<Retention, "tenants" | "conversation_days">,
  tenant: string | undefined,
): number | undefined {
  const own = tenant !== undefined && Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined;
  const days = own === undefined ? conversation_days : own.conversation_days;
  return days === null ? undefined : days * 86_400_000;
}
