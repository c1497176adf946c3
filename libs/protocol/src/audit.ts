import { z } from "zod";
import { CallId, ConversationId, TurnId } from "./ids.ts";

/** What the stream `AUDIT` keeps: who did what to which system, when, by whose word (docs/adr/0023). */

/** Which subjects an entry of each kind stands on, and so which role may have written it. */
export const auditChannels = {
  asked: "asked",
  begun: "run",
  ended: "run",
  refused: "run",
  decided: "decided",
  admin: "admin",
} as const;
export type AuditKind = keyof typeof auditChannels;
export type AuditChannel = (typeof auditChannels)[AuditKind];
export const auditKinds: readonly AuditKind[] = ["asked", "begun", "ended", "refused", "decided", "admin"];

/** One thing that a call would touch, in the words of the system that it is in. */
export const AuditAccess = z.object({
  system: z.string(),
  verb: z.string(),
  cluster: z.string().optional(),
  group: z.string().optional(),
  kind: z.string().optional(),
  namespace: z.string().optional(),
  name: z.string().optional(),
  /** As whom it is done there: `user`, with the account of whoever the call is for. Absent: as this service. */
  as: z.enum(["user"]).optional(),
});
export type AuditAccess = z.infer<typeof AuditAccess>;

const Person = z.object({ id: z.string(), name: z.string().optional() });

/** A version that is newer may add fields, which are ignored, and kinds, which are counted as unreadable. When it was is the broker's word, not the entry's. */
export const AuditEntry = z.object({
  v: z.number().int(),
  kind: z.enum(["asked", "begun", "ended", "refused", "decided", "admin"]),
  /** Of the process that wrote it. */
  writer: z.string(),
  /** Whose turn it is; of `decided` and `admin` who did it. */
  user: Person.optional(),
  tenant: z.string().optional(),
  roles: z.array(z.string()).optional(),
  /** The sign-in, by which it can be revoked. */
  session: z.string().optional(),
  address: z.string().optional(),
  conversation_id: ConversationId.optional(),
  turn_id: TurnId.optional(),
  call_id: CallId.optional(),
  tool: z.string().optional(),
  effect: z.string().optional(),
  access: z.array(AuditAccess).optional(),
  /** Entries of `access` for which there was no room. */
  access_left_out: z.number().int().positive().optional(),
  /** SHA-256, hex, of the arguments' JSON as the model sent them. */
  arguments_hash: z.string().optional(),
  /** JSON, masked and cut; only where it is set so. */
  arguments: z.string().optional(),
  /** Of the policy. */
  verdict: z.string().optional(),
  rule: z.string().optional(),
  reason: z.string().optional(),
  /** What was agreed to, or is to be: see `approvalHash`. */
  hash: z.string().optional(),
  /** What people were asked: one sentence. */
  summary: z.string().optional(),
  four_eyes: z.literal(true).optional(),
  /** Undecided by then it counts as denied, ms since 1970. */
  expires_at: z.number().optional(),
  approved: z.boolean().optional(),
  expired: z.literal(true).optional(),
  /** The like is agreed to as well, for so long. */
  like_ms: z.number().optional(),
  /** By whose word it ran. */
  agreed_by: Person.optional(),
  status: z.string().optional(),
  result_bytes: z.number().int().nonnegative().optional(),
  duration_ms: z.number().nonnegative().optional(),
  /** Of an operator, and on whom. */
  action: z.string().optional(),
  on: z.record(z.string(), z.unknown()).optional(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
