import type { Bus } from "@parley/bus";
import type { GivenFile } from "@parley/dialects";
import {
  ChatError,
  filesNamed,
  hasSameFiles,
  noFiles,
  toChatError,
  type Caller,
  type ConversationId,
  type FileId,
  type FilePart,
  type FileRecord,
  type Files,
  type TurnId,
} from "@parley/protocol";
import type { Spender } from "./message-limits.ts";
import type { GivenMessageFrame } from "./turn-request.ts";

export interface MessageFilesDeps {
  readonly bus: Pick<Bus, "files" | "facts">;
  /** Stores a file as an upload of the caller's. */
  readonly keepFile: KeepFile;
}

/** `id`: by which it is the same file when it comes again. */
export type KeepFile = (
  spender: Spender,
  file: Extract<GivenFile, { bytes: Uint8Array }> & { readonly id: string },
) => Promise<FileId>;

/** What a message brings: ids of files, or files. */
export type NamedFile = FileId | GivenFile;

/** All that a message brings, whichever way. */
export function broughtBy({ parts, files, brought = [] }: GivenMessageFrame): NamedFile[] {
  return files?.map(({ file_id }) => file_id) ?? [...filesNamed(parts), ...brought];
}

interface Place {
  readonly conversation: ConversationId;
  readonly turn: TurnId;
}

export type MessageFiles = ReturnType<typeof createMessageFiles>;

/**
 * Files that a message names. They are looked up before the message is noted, and made the conversation's behind that, before its turn is queued: an edge that dies between
 * any two of these leaves a message that is sent again, which finds them attached to its own conversation.
 */
export function createMessageFiles({ bus: { files, facts }, keepFile }: MessageFilesDeps) {
  const idOf = async (spender: Spender, named: NamedFile, id: string): Promise<FileId> => {
    if (typeof named === "string") return named;
    return "file_id" in named ? named.file_id : keepFile(spender, { ...named, id });
  };

  return {
    /**
     * As the message brings them. Throws NOT_FOUND for one that is not there or is somebody else's, and CONFLICT for one that is not whole, or another conversation's. A
     * message that was accepted before is repeated as it was, whatever became of its files.
     */
    async of(spender: Spender, place: Place, named: readonly NamedFile[]): Promise<Files> {
      if (named.length === 0) return noFiles;
      const ids: FileId[] = [];
      // One after the other: the data of each is in memory as it is.
      for (const [nth, one] of named.entries()) ids.push(await idOf(spender, one, `${place.turn} ${nth}`));
      const records = await Promise.all(ids.map((id) => files.read(id)));
      const problem = records.map((record) => problemOf(record, spender.caller, place.conversation)).find(Boolean);
      if (problem === undefined) return records.flatMap((record) => (record === undefined ? [] : [filePartOf(record)]));
      const said = await facts.read("said", place);
      const same = ids.map((file_id) => ({ file_id }));
      if (said?.kind === "said" && hasSameFiles(said.files, same)) return said.files ?? noFiles;
      throw problem;
    },

    /** Throws CONFLICT for one that another conversation was quicker with. Of one that is gone by now whoever answers is told so. Can be repeated. */
    async attach(conversation: ConversationId, of: Files): Promise<void> {
      await Promise.all(of.map(({ file_id }) => files.attach(file_id, conversation).catch(unlessGone)));
    },
  };
}

/** As parts say it. */
function filePartOf({ file_id, name, media_type, bytes }: FileRecord): FilePart {
  return { type: "file", file_id, name, media_type, bytes };
}

/** Why a message may not bring it; undefined: it may. Whoever may not see a file is told no more than that there is none. */
function problemOf(
  record: FileRecord | undefined,
  { user, tenant }: Caller,
  conversation: ConversationId,
): ChatError | undefined {
  if (record === undefined || record.status === "removing") return noSuchFile();
  // Its members may say it again: that this message may be written there is found out beside.
  if (record.conversation_id === conversation) return undefined;
  if (record.user !== user.id || record.tenant !== tenant) return noSuchFile();
  if (record.conversation_id !== undefined) return ofAnother(record);
  return record.status === "stored" ? undefined : notWhole(record);
}

function unlessGone(error: unknown): void {
  if (toChatError(error).code !== "NOT_FOUND") throw error;
}

function noSuchFile(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such file, or it is somebody else's: upload it first." });
}

function ofAnother({ name }: FileRecord): ChatError {
  return new ChatError("CONFLICT", {
    message: `The file ${name} belongs to another conversation: upload it once more for this one.`,
  });
}

function notWhole({ name, offset, bytes }: FileRecord): ChatError {
  const message = `The file ${name} is not whole yet: ${offset} of ${bytes} bytes are stored. Send the message when its upload has ended.`;
  return new ChatError("CONFLICT", { message, retryable: true });
}
