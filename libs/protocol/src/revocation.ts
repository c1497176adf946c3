import { z } from "zod";

/** What can be revoked: all credentials of a user, those of one sign-in, or a single one. */
export const revocable = ["user", "session", "token"] as const;
export type Revocable = (typeof revocable)[number];

/** What is revoked, or no longer. The last record of a subject counts. */
export const RevocationRecord = z.object({
  v: z.number().int(),
  what: z.enum(revocable),
  /** The user's id, the sign-in's (`sid`), or the token's: its `jti` or its SHA-256 in base64url. */
  id: z.string().min(1),
  /** Of a sign-in or token: whose it must be, as two issuers may give the same id. Absent: anybody's. */
  user: z.string().optional(),
  /** Of a user: up to when the credentials were issued, ms since 1970. Later ones are good. */
  before_ms: z.number().optional(),
  /** By then the last of these credentials has run out, ms since 1970: the record may be forgotten. */
  until_ms: z.number(),
  /** It was taken back. */
  lifted: z.literal(true).optional(),
  by: z.string(),
  reason: z.string().optional(),
  ts: z.number(),
});
export type RevocationRecord = z.infer<typeof RevocationRecord>;

/** What a record is about, in one text that no other has. */
export function revocationKey({ what, id, user }: Pick<RevocationRecord, "what" | "id" | "user">): string {
  return JSON.stringify(user === undefined ? [what, id] : [what, id, user]);
}

/** Clocks of edges differ: nothing is forgotten before all of them say so. */
const clockMarginMs = 24 * 60 * 60_000;

/** What nobody needs any more, wherever it is known. */
export function isRevocationOver({ until_ms, lifted, ts }: RevocationRecord): boolean {
  return (lifted === true ? ts : until_ms) < Date.now() - clockMarginMs;
}

/** Whether a record of what somebody has come in with is about theirs. `issuedMs`: when that was made; undefined: it is of unknown age, so as old as any. */
export function revocationHolds(record: RevocationRecord, userId: string, issuedMs: number | undefined): boolean {
  if (isRevocationOver(record) || (record.user !== undefined && record.user !== userId)) return false;
  return record.before_ms === undefined || issuedMs === undefined || issuedMs <= record.before_ms;
}
