import {
  ChatError,
  fileLimits,
  type ConversationId,
  type FileId,
  type FileOrigin,
  type FileRecord,
} from "@parley/protocol";
import { fileIdOf } from "@parley/protocol/turn-id";
import { createFileCare } from "./file-care.ts";
import { createFileReading } from "./file-reading.ts";
import { createFileRecords, type FileRecords } from "./file-records.ts";
import { createFileRemoval, type FileRemoval } from "./file-removal.ts";
import { createClamdScanner, type ScannerAddress } from "./file-scan.ts";
import { createFileSets, type FileOwner } from "./file-sets.ts";
import { createFileStore, type FileStoreOptions } from "./file-store-choice.ts";
import type { FileSealing } from "./file-store-sealed.ts";
import type { FileStreamDeps } from "./file-streams.ts";
import { scopeOfBytes } from "./seal-places.ts";
import { defaultFileTypes } from "./file-type.ts";
import { createFileUploads, gone, refuseBeginning, type FileUploads } from "./file-uploads.ts";

/** The same for all processes of a deployment. */
export interface FilesOptions {
  readonly store: FileStoreOptions;
  /** Media types that are accepted, by content; `image/*` is all of a kind. */
  readonly types?: readonly string[] | undefined;
  /** The largest file, for whoever brings one without a client that is told. */
  readonly maxBytes?: number | undefined;
  readonly clamd?: ScannerAddress | undefined;
  /** Of what tools and agents give back, in one conversation. Default: as `fileLimits` has it. */
  readonly brought?: { readonly files: number; readonly bytes: number } | undefined;
}

/** A file that a tool or an agent gives back. */
export interface BroughtFile {
  readonly owner: FileOwner;
  readonly conversation: ConversationId;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly origin: Exclude<FileOrigin, "user">;
  readonly mediaType?: string | undefined;
  /** Whose text it is: it goes with that file, also where that is being removed at this moment. */
  readonly textOf?: FileId | undefined;
  /** By which it is the same file when it is brought again. Undefined: it is another one each time. */
  readonly id?: string | undefined;
}

export interface FilePage {
  readonly after?: FileId | undefined;
  readonly most?: number;
}

/** Records that are looked up side by side. */
const readAtOnce = 64;

export type Files = ReturnType<typeof createFiles>;

/**
 * Files: their records at the broker, their bytes in a store of their own. Nothing of it is opened before somebody brings or asks for one. Edges may do all of this; tool and agent workers read,
 * and `bring`.
 */
export function createFiles(deps: FileStreamDeps, options: FilesOptions) {
  const store = createFileStore(options.store, deps);
  const records = createFileRecords(deps);
  const sets = createFileSets(deps, records.stored);
  const removal = createFileRemoval({ store, records, sets, sealing: deps.sealing });
  const reading = createFileReading(store);
  const scanner = options.clamd === undefined ? undefined : createClamdScanner(options.clamd);
  const types = options.types ?? defaultFileTypes;
  const uploads = createFileUploads({ store, records, sets, removal, reading, scanner, types });
  return {
    ...uploads,
    ...createBelonging({ records, removal, uploads, options, sealing: deps.sealing }),
    bytesOf: reading.bytesOf,
    remove: removal.remove,

    /** As it stands; undefined: there is none, or it is being removed. */
    async read(id: FileId): Promise<FileRecord | undefined> {
      const record = await records.read(id);
      return record?.status === "removing" ? undefined : record;
    },

    /** Those that the user has brought themselves, the newest first; `after`: behind this one. */
    async ofUser(owner: FileOwner, { after, most = Infinity }: FilePage = {}): Promise<FileRecord[]> {
      const ids = (await sets.of(owner)).map(({ id }) => id).toReversed();
      const from = after === undefined ? 0 : ids.indexOf(after) + 1;
      const found: FileRecord[] = [];
      for (let at = from; at < ids.length && found.length < most; at += readAtOnce) {
        const next = ids.slice(at, at + Math.min(readAtOnce, most - found.length));
        found.push(...(await Promise.all(next.map((id) => records.read(id)))).filter(isThere));
      }
      return found;
    },

    /** How many files the user keeps, and their bytes. */
    async keptBy(owner: FileOwner): Promise<{ readonly files: number; readonly bytes: number }> {
      const files = await sets.of(owner);
      return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
    },

    /** Of the tenant, whoever brought them: by walking over all there are. */
    async *ofTenant(tenant: string | undefined, signal?: AbortSignal): AsyncGenerator<FileRecord> {
      for await (const { record } of records.walk(signal))
        if (record.tenant === tenant && record.status !== "removing") yield record;
    },

    care: createFileCare({ store, records, sets, removal, uploads }),
    storeKind: store.kind,
    close: store.close,
  };
}

function isThere(record: FileRecord | undefined): record is FileRecord {
  return record !== undefined && record.status !== "removing";
}

interface BelongingDeps {
  readonly records: FileRecords;
  readonly removal: FileRemoval;
  readonly uploads: FileUploads;
  readonly options: FilesOptions;
  readonly sealing: FileSealing | undefined;
}

type Attach = (id: FileId, conversation: ConversationId) => Promise<FileRecord>;

async function shredBytes({ shred }: FileSealing, records: readonly FileRecord[]): Promise<void> {
  for (const { file_id } of records) await shred(scopeOfBytes(file_id));
}

/** To which conversation files belong. */
function createBelonging({ records, removal, uploads, options, sealing }: BelongingDeps) {
  const attach: Attach = async (id, conversation) => {
    // First: so whoever deletes the conversation finds it.
    await records.link(conversation, id);
    const counts = await records.change(id, (found) => {
      if (found === undefined || found.status === "removing") throw gone();
      if (found.conversation_id !== undefined) return undefined;
      if (found.status !== "stored") throw notStored(found);
      return { ...found, conversation_id: conversation, touched_at: Date.now() };
    });
    if (counts?.conversation_id === conversation) return counts;
    await records.unlink(conversation, id).catch(() => {});
    const message = "This file belongs to another conversation. Send it anew to have it here, too.";
    throw new ChatError("CONFLICT", { message });
  };
  const ofConversation = async (conversation: ConversationId): Promise<FileRecord[]> => {
    const found = await Promise.all((await records.linked(conversation)).map((id) => records.read(id)));
    return found.filter(isThere).filter(({ conversation_id: whose }) => whose === conversation);
  };
  return {
    /**
     * Gives a stored file to a conversation, for good: its members may see it from then on. Once more to the same one is fine. Throws CONFLICT where it is another one's or is not stored,
     * NOT_FOUND where it is gone, OVERLOADED when the broker has not answered for 15 s. Whether the caller may is for who calls.
     */
    attach,

    ofConversation,

    /** Erases the keys of the bytes, for whoever deletes the conversation: whatever fails from then on, nobody can read them. */
    shred: async (conversation: ConversationId): Promise<void> =>
      sealing && shredBytes(sealing, await ofConversation(conversation)),

    /** The conversation was deleted: its files go, everywhere. Can be repeated; throws when broker or store do not answer. */
    async bury(conversation: ConversationId): Promise<void> {
      // Nothing is made for it where nobody has ever brought a file.
      if ((await records.lastSeq()) === 0) return;
      for (const id of await records.linked(conversation)) {
        const record = await records.read(id);
        if (record?.conversation_id === conversation && record.status === "removing") await removal.finish(record);
        else await removal.remove(id, (found) => found.conversation_id === conversation);
        // A file that is given to it at this moment is not its yet, and keeps its link.
        if (record === undefined) await records.unlink(conversation, id);
      }
    },

    ...createBringing({ records, uploads, options }, { attach, ofConversation }),
  };
}

interface Belonging {
  readonly attach: Attach;
  readonly ofConversation: (conversation: ConversationId) => Promise<FileRecord[]>;
}

function createBringing(
  { records, uploads, options }: Pick<BelongingDeps, "records" | "uploads" | "options">,
  { attach, ofConversation }: Belonging,
) {
  const { brought: most = { files: fileLimits.broughtFiles, bytes: fileLimits.broughtBytes } } = options;
  /**
   * A tool that is called again and again must not fill the store of all. Calls side by side may each have the last place; what was read in a file is bounded by that, and what was begun has its place.
   */
  const demandRoom = async ({ owner, origin, id, textOf, conversation, bytes }: BroughtFile): Promise<void> => {
    if (textOf !== undefined) return;
    if (id !== undefined && (await records.read(fileIdOf(owner, origin, id))) !== undefined) return;
    const kept = (await ofConversation(conversation)).filter(
      (one) => one.origin !== "user" && one.text_of === undefined,
    );
    const keptBytes = kept.reduce((sum, one) => sum + one.bytes, 0);
    if (kept.length < most.files && keptBytes + bytes.length <= most.bytes) return;
    const message = "Tools have given back so many files in this conversation that there is no room for another one.";
    throw new ChatError("QUOTA_EXCEEDED", { message });
  };
  return {
    /**
     * What a tool or an agent gives back: it is the conversation's at once, and counts for nobody's quota; a conversation has room for so much of it (QUOTA_EXCEEDED). Throws MESSAGE_TOO_LARGE,
     * UNSUPPORTED and BLOCKED as an upload does, and OVERLOADED when the broker or the store have not answered for 15 s.
     */
    async bring(given: BroughtFile): Promise<FileRecord> {
      const { conversation, bytes, mediaType = "", id, ...about } = given;
      const { maxBytes = defaultFileBytes } = options;
      if (bytes.length > maxBytes) {
        const message = `The file is larger than ${Math.floor(maxBytes / 2 ** 20)} MB.`;
        throw new ChatError("MESSAGE_TOO_LARGE", { message });
      }
      if (bytes.length === 0) throw new ChatError("INVALID_FRAME", { message: "The file is empty." });
      await refuseBeginning(bytes, options.types ?? defaultFileTypes);
      await demandRoom(given);
      const file = { ...about, clientId: id, mediaType, bytes: bytes.length };
      let record = await uploads.begin(file);
      if (record.status !== "stored") {
        record = await uploads.append(record.file_id, record.offset, bytes.subarray(record.offset));
        record = await uploads.finish(record.file_id);
      }
      return attach(record.file_id, conversation);
    },
  };
}

export const defaultFileBytes = 256 * 2 ** 20;

function notStored({ offset, bytes }: FileRecord): ChatError {
  const message = `The file is not stored yet: ${offset} of ${bytes} bytes are. Send it when all of it is.`;
  return new ChatError("CONFLICT", { message });
}
