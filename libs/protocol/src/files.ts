import { z } from "zod";
import { ConversationId } from "./ids.ts";

/** Files that people bring, and that tools and agents give back: what is kept of each beside its bytes (docs/adr/0030). */

export const fileLimits = {
  /** Of a file in one piece of the blob store. */
  partBytes: 1024 * 1024,
  /** A last part that is smaller is written anew together with what comes: so many small pieces do not become as many parts. */
  smallPartBytes: 256 * 1024,
  /** The most that `FILE_MAX_BYTES` may allow: with more parts than that has, a record would be larger than an event may be. */
  mostBytes: 1024 * 1024 * 1024,
  /** Of its name, UTF-8: what file systems take. Longer ones are cut, the ending stays. */
  nameBytes: 255,
  mediaTypeChars: 127,
  /** The client's own id of a file. */
  clientIdChars: 128,
  /** From whose beginning a file's type is told. */
  sniffedBytes: 64 * 1024,
  /** The most that `FILE_USER_FILES` may allow: they are one record. */
  filesOfUser: 4_000,
  /** What tools and agents may give back in one conversation: nobody's quota counts it. */
  broughtFiles: 500,
  broughtBytes: 1024 * 1024 * 1024,
  /** How long a part may be in the blob store that no record names: an upload is at it. Then it is nobody's. */
  orphanMs: 60 * 60_000,
} as const;

/** Who brought it. The first letter of an id's body, so that the broker can tell apart who may write what: see `fileOriginOf`. */
export const fileOrigins = ["user", "tool", "agent"] as const;
export type FileOrigin = (typeof fileOrigins)[number];

/** A subject token. Made of whose file it is and what the client calls it, so that an upload begun twice is the same file. */
export const FileId = z
  .string()
  .regex(/^file_[uta][A-Za-z0-9_-]{21}$/, "must be the id of a file")
  .describe("The file's id.");
export type FileId = z.infer<typeof FileId>;

const originsByLetter: Readonly<Record<string, FileOrigin>> = { u: "user", t: "tool", a: "agent" };

export function fileOriginOf(file: FileId): FileOrigin {
  return originsByLetter[file.charAt("file_".length)] ?? "user";
}

const size = z.number().int().nonnegative();

export const StoredPart = z.object({
  /** In the blob store: `<file_id>/<n>`, where `n` is never used twice. */
  key: z.string(),
  /** Where in the file it begins. */
  at: size,
  bytes: size,
});
export type StoredPart = z.infer<typeof StoredPart>;

/** What looked at the bytes of a file before anybody may have it. */
export const FileScan = z.object({ by: z.string(), result: z.string(), at: z.number() });
export type FileScan = z.infer<typeof FileScan>;

/** `uploading` → `stored` → `removing`, or from either to `removing`, which is final: then the parts go, and behind them the record. */
export const fileStatuses = ["uploading", "stored", "removing"] as const;

/** The one record of a file; the last one counts. */
export const FileRecord = z.object({
  v: z.literal(1),
  kind: z.literal("file"),
  /** Counts its versions. */
  n: z.number().int().positive(),
  file_id: FileId,
  /** Absent: of nobody's tenant. */
  tenant: z.string().optional(),
  /** Who brought it, or for whom a tool or an agent did. */
  user: z.string(),
  name: z.string(),
  /** What it is by its content; while it is being uploaded, what its client says. */
  media_type: z.string(),
  /** Of the whole, as it was said at the beginning. */
  bytes: size,
  /** So much of it is stored. */
  offset: size,
  parts: z.array(StoredPart),
  /** Of the whole, in hex; once it is stored. */
  sha256: z.string().optional(),
  status: z.enum(fileStatuses),
  /** ms since 1970. */
  created_at: z.number(),
  touched_at: z.number(),
  /** Whose members may see it, once somebody has sent it there. Set once. */
  conversation_id: ConversationId.optional(),
  origin: z.enum(fileOrigins),
  /** What it says is what that file says, as it was read for a model: it goes when that one does. */
  text_of: FileId.optional(),
  scan: FileScan.optional(),
  /** Reserved: how its bytes are encrypted. */
  sealed: z.unknown().optional(),
});
export type FileRecord = z.infer<typeof FileRecord>;

/** The files of one user that they brought themselves, and what each may become: a place is taken before the file is there, and given back when it is gone. */
export const FileSet = z.object({
  v: z.literal(1),
  kind: z.literal("files"),
  n: z.number().int().positive(),
  user: z.string(),
  tenant: z.string().optional(),
  files: z.array(z.object({ id: FileId, bytes: size, at: z.number() })),
});
export type FileSet = z.infer<typeof FileSet>;

/** What a tenant keeps in all. Never less than it does: it is counted up before a file begins, and down when it is gone. */
export const FileSum = z.object({
  v: z.literal(1),
  kind: z.literal("sum"),
  n: z.number().int().positive(),
  tenant: z.string().optional(),
  files: size,
  bytes: size,
});
export type FileSum = z.infer<typeof FileSum>;

/** Says that a file may be a conversation's: what counts is its record. */
export const FileLink = z.object({ v: z.literal(1), kind: z.literal("link"), file_id: FileId, ts: z.number() });
export type FileLink = z.infer<typeof FileLink>;

/** Who looks after what nobody wants any more, and when it was done last. */
export const FileCare = z.object({
  v: z.literal(1),
  kind: z.literal("care"),
  n: z.number().int().positive(),
  by: z.string(),
  ts: z.number(),
});
export type FileCare = z.infer<typeof FileCare>;

/** What clients are told of a file. */
export const FileInfo = z.object({
  file_id: FileId,
  name: z.string().describe("As whoever brought it called it, without what could be a path."),
  media_type: z.string().describe("What it is, by its content; what its client says until all of it is there."),
  bytes: size.describe("Its size."),
  offset: size.describe("So much of it is stored: from here an upload goes on."),
  status: z.string().describe("`uploading` or `stored`."),
  created_at: z.number().describe("ms since 1970."),
  conversation_id: ConversationId.optional().describe("To whose members it belongs. Absent: to whoever brought it."),
  expires_at: z.number().optional().describe("When it is removed unless somebody sends it, ms since 1970."),
  sha256: z.string().optional().describe("Of all its bytes, in hex; once it is stored."),
});
export type FileInfo = z.infer<typeof FileInfo>;
