import type { Bus, ByteRange, FilePage } from "@parley/bus";
import {
  ChatError,
  demand,
  type Caller,
  type ConversationId,
  type FileId,
  type FileInfo,
  type FileRecord,
  type May,
} from "@parley/protocol";
import type { FileFigures } from "../../figures/file-figures.ts";
import { checkPersonNotHeld } from "../holds/held.ts";
import { createReceiving } from "./receiving.ts";
import type { Bringer, UploadLimits } from "./upload-limits.ts";

export interface FileCommandDeps {
  readonly files: Bus["files"];
  /** What callers may do with conversations. Both throw FORBIDDEN, or NOT_FOUND when it is nobody's. */
  readonly ownership: {
    readonly reader: (conversation: ConversationId, caller: Caller) => Promise<unknown>;
    readonly check: (conversation: ConversationId, caller: Caller, action: "conversation:send") => Promise<void>;
  };
  readonly may: May;
  readonly privacy: Pick<Bus["privacy"], "heldBy">;
  readonly limits: UploadLimits;
  readonly settings: FileSettings;
  readonly figures: FileFigures;
}

export interface FileSettings {
  /** The largest file. */
  readonly maxBytes: number;
  /** How long a file is kept that nobody has sent. */
  readonly keepUnattachedMs: number;
}

export const defaultFileSettings: FileSettings = { maxBytes: 256 * 2 ** 20, keepUnattachedMs: 24 * 3_600_000 };

/** A file as its client announces it. */
export interface AnnouncedFile {
  readonly clientId?: string | undefined;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
}

export type FileCommands = ReturnType<typeof createFileCommands>;

/** What a caller may do with files. Each throws ChatError, which is the caller's answer; a file that is not for the caller is as good as none. */
export function createFileCommands(deps: FileCommandDeps) {
  const { files, may, limits, settings, figures } = deps;
  const access = createAccess(deps);

  return {
    settings,
    /** A place for one upload, until the returned function is called. Throws RATE_LIMITED, or OVERLOADED. */
    takeRoom(bringer: Bringer): () => void {
      const free = limits.take(bringer);
      const ended = figures.uploading();
      return () => {
        free();
        ended();
      };
    },
    ...createReceiving({ files, figures }),
    ...createTelling(deps),

    /** Throws MESSAGE_TOO_LARGE, QUOTA_EXCEEDED, RATE_LIMITED, and CONFLICT where another file was begun under the id. */
    async begin(bringer: Bringer, { clientId, name, mediaType, bytes }: AnnouncedFile): Promise<FileRecord> {
      const { caller } = bringer;
      demand(may(caller, "file:write", { kind: "file", owner: caller.user.id, tenant: caller.tenant }));
      demandSize(bytes, settings.maxBytes);
      const owner = { user: caller.user.id, tenant: caller.tenant };
      const record = await files
        .begin({ owner, clientId, name, mediaType, bytes, quota: limits.quota(), onNew: () => limits.begin(bringer) })
        .catch((error: unknown) => {
          if (error instanceof ChatError && error.code === "QUOTA_EXCEEDED") limits.quotaMet("files_per_user");
          throw error;
        });
      if (record.offset === 0 && record.status === "uploading") figures.count("begun");
      return record;
    },

    ...access,

    /** Only whoever brought it, while no conversation has it. Throws CONFLICT where they are held. */
    async remove(caller: Caller, id: FileId): Promise<void> {
      await access.ofUploader(caller, id);
      await checkPersonNotHeld(deps, caller);
      if (!(await files.remove(id, (found) => found.conversation_id === undefined))) throw sentAlready();
      figures.count("removed");
    },

    list: ({ user, tenant }: Caller, page: FilePage): Promise<FileRecord[]> =>
      files.ofUser({ user: user.id, tenant }, page),

    /** What was stored of it counts no more. */
    restart: (record: FileRecord): Promise<FileRecord> => files.restart(record.file_id),

    bytesOf: (record: FileRecord, range: ByteRange): AsyncIterable<Uint8Array> => files.bytesOf(record, range),

    /** So many bytes were read. */
    sent: figures.sent,

    /** Throws FORBIDDEN or NOT_FOUND where the caller may not write in the conversation. */
    demandSending: (caller: Caller, conversation: ConversationId): Promise<void> =>
      deps.ownership.check(conversation, caller, "conversation:send"),

    /** Gives a stored file to a conversation in which the caller may write. */
    async attach(caller: Caller, id: FileId, conversation: ConversationId): Promise<FileRecord> {
      await deps.ownership.check(conversation, caller, "conversation:send");
      const record = await access.readable(caller, id);
      return files.attach(record.file_id, conversation);
    },
  };
}

function demandSize(bytes: number, maxBytes: number): void {
  if (bytes === 0) throw new ChatError("INVALID_FRAME", { message: "The file is empty." });
  if (bytes <= maxBytes) return;
  const message = `The file is too large: at most ${shownSize(maxBytes)} are taken.`;
  throw new ChatError("MESSAGE_TOO_LARGE", { message });
}

function shownSize(bytes: number): string {
  return bytes >= 2 ** 20 ? `${Math.floor(bytes / 2 ** 20)} MB` : `${bytes} bytes`;
}

function createAccess({ files, ownership, may }: FileCommandDeps) {
  const found = async (id: FileId): Promise<FileRecord> => {
    const record = await files.read(id);
    if (record === undefined) throw noFile();
    return record;
  };
  const isOf = (caller: Caller, { user, tenant }: FileRecord, action: "file:read" | "file:write"): boolean =>
    may(caller, action, { kind: "file", owner: user, tenant }).allowed;
  return {
    /** One that the caller may read: their own until a conversation has it, then those of conversations that they may read. */
    async readable(caller: Caller, id: FileId): Promise<FileRecord> {
      const record = await found(id);
      const { conversation_id: conversation } = record;
      if (conversation === undefined) {
        if (!isOf(caller, record, "file:read")) throw noFile();
        return record;
      }
      await ownership.reader(conversation, caller).catch((error: unknown) => {
        // Whoever may not see it is not told that there is one.
        const isHidden = error instanceof ChatError && (error.code === "FORBIDDEN" || error.code === "NOT_FOUND");
        throw isHidden ? noFile() : error;
      });
      return record;
    },

    /** One that the caller has brought, and may go on with. */
    async ofUploader(caller: Caller, id: FileId): Promise<FileRecord> {
      const record = await found(id);
      if (!isOf(caller, record, "file:write")) throw noFile();
      if (record.conversation_id !== undefined) throw sentAlready();
      return record;
    },
  };
}

function createTelling({ settings }: FileCommandDeps) {
  return {
    infoOf(record: FileRecord): FileInfo {
      const { file_id, name, media_type, bytes, offset, status, created_at, conversation_id, sha256 } = record;
      const expires = conversation_id === undefined ? { expires_at: this.expiresAt(record) } : { conversation_id };
      const hash = sha256 === undefined ? {} : { sha256 };
      return { file_id, name, media_type, bytes, offset, status, created_at, ...expires, ...hash };
    },

    /** When it is removed, ms since 1970, unless somebody goes on with it, or sends it. */
    expiresAt: ({ touched_at }: FileRecord): number => touched_at + settings.keepUnattachedMs,
  };
}

function noFile(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such file." });
}

function sentAlready(): ChatError {
  const message = "This file was sent already: it belongs to its conversation, and goes with it.";
  return new ChatError("CONFLICT", { message });
}
