import { z } from "zod";
import { openEnum } from "./open-enum.ts";

/** Of which messages somebody is told who is away: of all in their rooms, of those that address them (and of what waits for them), or of none. */
export const noticeWants = ["all", "addressed", "none"] as const;
export type NoticeWants = (typeof noticeWants)[number];

/** A browser that has asked for notices: where its push service takes them, and with what they are sealed for it (RFC 8291). Who knows it can send to it: it is told to nobody. */
export const NoticeDevice = z.object({
  /** Of the address: the same browser that comes again is the same device. */
  id: z.string(),
  endpoint: z.string(),
  /** Its public key, P-256 uncompressed, and the secret that it shares with us, both base64url. */
  p256dh: z.string(),
  auth: z.string(),
  /** As its user knows it. */
  name: z.string().optional(),
  /** In which its notices are written. */
  language: z.string().optional(),
  /** Only of conversations of this tenant it is told. */
  tenant: z.string().optional(),
  added_at: z.number(),
  seen_at: z.number(),
  /** By what its user was signed in when it was last seen: what is revoked is told nothing any more. */
  session: z.string().optional(),
  token_id: z.string().optional(),
  token_hash: z.string().optional(),
  issued_ms: z.number().optional(),
});
export type NoticeDevice = z.infer<typeof NoticeDevice>;

/** What a user wants to be told, and where, as the stream `NOTICES` keeps it: the last record counts (compare-and-set). */
export const NoticeRecord = z.object({
  v: z.number().int(),
  kind: z.literal("notices"),
  n: z.number().int().positive(),
  user_id: z.string(),
  /** One that is not known here: as `addressed`. */
  wants: openEnum(noticeWants),
  devices: z.array(NoticeDevice),
  ts: z.number(),
});
export type NoticeRecord = z.infer<typeof NoticeRecord>;

/** Whether somebody who has chosen this is told of such a notice. */
export function isWanted(type: string, wants: string): boolean {
  if (wants === "none") return false;
  return wants === "all" || type !== "message";
}
