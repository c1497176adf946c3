import { createHash, randomBytes } from "node:crypto";
import {
  ChatError,
  fileLimits,
  fileNameOf,
  type FileId,
  type FileOrigin,
  type FileRecord,
  type StoredPart,
} from "@parley/protocol";
import { fileIdOf } from "@parley/protocol/turn-id";
import type { FileReading } from "./file-reading.ts";
import type { FileRecords, NextFile } from "./file-records.ts";
import type { FileRemoval } from "./file-removal.ts";
import type { FileScanner } from "./file-scan.ts";
import type { FileOwner, FileQuota, FileSets } from "./file-sets.ts";
import type { FileStore } from "./file-store.ts";
import { createTextCheck, isAllowed, keptType, notAllowed, sniffed, textType } from "./file-type.ts";

export interface FileUploadsDeps {
  readonly store: FileStore;
  readonly records: FileRecords;
  readonly sets: FileSets;
  readonly removal: FileRemoval;
  readonly reading: FileReading;
  /** Undefined: nobody looks at the bytes. */
  readonly scanner: FileScanner | undefined;
  readonly types: readonly string[];
}

/** A file that somebody wants to bring. */
export interface NewFile {
  readonly owner: FileOwner;
  /** The client's own id: begun again under it, it is the same file. Undefined: it is another one each time. */
  readonly clientId?: string | undefined;
  readonly name: string;
  /** As the client calls it. What counts is what it is. */
  readonly mediaType: string;
  /** Of the whole. */
  readonly bytes: number;
  /** Undefined: nothing is counted. */
  readonly quota?: FileQuota | undefined;
  /** Asked before another one is begun, and not when it goes on; what it throws counts. */
  readonly onNew?: (() => Promise<void>) | undefined;
  readonly origin?: FileOrigin;
  /** See `FileRecord`. */
  readonly textOf?: FileId | undefined;
}

export type FileUploads = ReturnType<typeof createFileUploads>;

/** Files on their way in. An upload is its record and nothing else, so it goes on at any process after any other one's death. */
export function createFileUploads(deps: FileUploadsDeps) {
  const { records, sets, removal } = deps;
  const append = createAppending(deps);
  const finish = createFinishing(deps);
  return {
    /**
     * Begins a file, or finds the one that was begun under its id. Throws CONFLICT where that is another one, QUOTA_EXCEEDED, and OVERLOADED when the broker has not
     * answered for 15 s.
     */
    async begin({ owner, clientId, quota, onNew, origin = "user", ...file }: NewFile): Promise<FileRecord> {
      const id = fileIdOf(owner, origin, clientId);
      const name = fileNameOf(file.name);
      const standing = await records.read(id);
      if (standing?.status === "removing") await removal.finish(standing);
      else if (standing !== undefined) return sameFile(standing, { name, bytes: file.bytes });
      await onNew?.();
      if (quota !== undefined) await sets.take(owner, { id, bytes: file.bytes }, quota);
      const now = Date.now();
      const counts = await records.change(id, (found) =>
        found !== undefined
          ? undefined
          : {
              ...{ file_id: id, user: owner.user, name, bytes: file.bytes, offset: 0, parts: [] },
              ...(owner.tenant === undefined ? {} : { tenant: owner.tenant }),
              ...(file.textOf === undefined ? {} : { text_of: file.textOf }),
              media_type: file.mediaType.toWellFormed().slice(0, fileLimits.mediaTypeChars),
              ...{ status: "uploading", created_at: now, touched_at: now, origin },
            },
      );
      if (counts === undefined) throw gone();
      return sameFile(counts, { name, bytes: file.bytes });
    },

    /** What was stored of it counts no more, and it begins anew; one that is stored stays. Its parts are removed. */
    async restart(id: FileId): Promise<FileRecord> {
      let dropped: readonly StoredPart[] = [];
      const counts = await records.change(id, (found) => {
        dropped = found?.parts ?? [];
        if (found?.status !== "uploading" || found.offset === 0) return undefined;
        return { ...found, offset: 0, parts: [], touched_at: Date.now() };
      });
      if (counts === undefined || counts.status === "removing") throw gone();
      if (counts.offset === 0) await removal.dropParts(dropped);
      return counts;
    },

    append,
    finish,
  };
}

/** Another file under the id would mix the bytes of both. */
function sameFile(record: FileRecord, { name, bytes }: Pick<FileRecord, "name" | "bytes">): FileRecord {
  if (record.name === name && record.bytes === bytes) return record;
  const message = "Another file was begun under this id. Give each file an id of its own.";
  throw new ChatError("CONFLICT", { message });
}

function createAppending({ store, records, removal, types }: FileUploadsDeps) {
  /** In the parts that the record is to have; removes what it replaced only when that counts. */
  const write = async (
    record: FileRecord,
    bytes: Uint8Array,
  ): Promise<StoredPart & { readonly replaces?: StoredPart }> => {
    const last = record.parts.at(-1);
    const isSmall = last !== undefined && last.bytes < fileLimits.smallPartBytes;
    const before = isSmall && last.bytes + bytes.length <= fileLimits.partBytes ? await store.get(last.key) : undefined;
    const whole = before === undefined ? bytes : Buffer.concat([before, bytes]);
    const at = record.offset - (before?.length ?? 0);
    // Of two that write at the same place one is refused by the record, and must not have changed what the other wrote.
    const key = `${record.file_id}/${record.parts.length}-${randomBytes(6).toString("base64url")}`;
    await store.put(key, whole);
    return { key, at, bytes: whole.length, ...(before !== undefined && last !== undefined ? { replaces: last } : {}) };
  };

  const appendPart = async (id: FileId, offset: number, bytes: Uint8Array): Promise<FileRecord> => {
    const record = await records.read(id);
    demandPlace(record, offset, bytes.length);
    if (offset === 0) await refuseAtOnce(bytes, record, types);
    const { replaces, ...part } = await write(record, bytes);
    let isOurs = false;
    try {
      const counts = await records.change(id, (found) => {
        isOurs = found?.parts.at(-1)?.key === part.key;
        if (isOurs) return undefined;
        demandPlace(found, offset, bytes.length);
        isOurs = true;
        const parts = [...found.parts.filter(({ key }) => key !== replaces?.key), part];
        return { ...found, parts, offset: offset + bytes.length, touched_at: Date.now() };
      });
      if (replaces !== undefined) await removal.dropParts([replaces]);
      if (counts === undefined) throw gone();
      return counts;
    } catch (error) {
      // Of an answer that was lost nobody knows: then it may be the record's, and is collected if it is not.
      if (error instanceof ChatError && error.code !== "OVERLOADED") await removal.dropParts([part]);
      throw error;
    }
  };

  /**
   * Stores the bytes behind what there is. Throws CONFLICT where the file goes on elsewhere (somebody was faster), MESSAGE_TOO_LARGE beyond its end, UNSUPPORTED where its beginning says that
   * it will not be accepted, and OVERLOADED when store or broker have not answered for 15 s.
   */
  return async (id: FileId, offset: number, bytes: Uint8Array): Promise<FileRecord> => {
    let record: FileRecord | undefined;
    for (let at = 0; at < bytes.length; at += fileLimits.partBytes)
      record = await appendPart(id, offset + at, bytes.subarray(at, at + fileLimits.partBytes));
    record ??= await records.read(id);
    if (record === undefined) throw gone();
    return record;
  };
}

function demandPlace(record: FileRecord | undefined, offset: number, more: number): asserts record is FileRecord {
  if (record === undefined || record.status === "removing") throw gone();
  if (record.status === "stored" || record.offset !== offset) {
    throw new ChatError("CONFLICT", { message: `The file goes on at byte ${record.offset}.` });
  }
  if (offset + more > record.bytes) {
    const message = `These are more bytes than were announced: the file was to have ${record.bytes}.`;
    throw new ChatError("MESSAGE_TOO_LARGE", { message });
  }
}

/** What its first bytes say already. Throws UNSUPPORTED where that is not taken. */
export async function refuseBeginning(beginning: Uint8Array, types: readonly string[]): Promise<void> {
  const found = await sniffed(beginning);
  if (found.kind === "unknown") throw notAllowed(undefined);
  if (found.kind === "binary" && !isAllowed(found.mediaType, types)) throw notAllowed(found.mediaType);
}

/** So that nobody sends 200 MB in vain. */
async function refuseAtOnce(beginning: Uint8Array, { bytes }: FileRecord, types: readonly string[]): Promise<void> {
  if (beginning.length < Math.min(bytes, fileLimits.sniffedBytes)) return;
  await refuseBeginning(beginning, types);
}

/** What reading it once more has found out. */
interface WholeFile {
  readonly sha256: string;
  readonly beginning: Uint8Array;
  readonly isText: boolean;
}

function createFinishing(deps: FileUploadsDeps) {
  const { records, removal, scanner } = deps;
  const refuse = async (record: FileRecord, error: ChatError): Promise<never> => {
    // Who may not remove it, or cannot now, leaves that to who looks after what was left: nobody gets it any more.
    await removal.remove(record.file_id, ({ status }) => status === "uploading").catch(() => {});
    throw error;
  };
  const scanned = async (record: FileRecord) => {
    if (scanner === undefined) return undefined;
    const { isClean, ...scan } = await scanner.scan(deps.reading.bytesOf(record));
    if (isClean) return scan;
    const message = `This file is not accepted: ${scan.by} has found ${scan.result} in it.`;
    return refuse(record, new ChatError("BLOCKED", { message }));
  };

  /**
   * Once all bytes are there: reads them as they are stored, and says what they are. Can be repeated, by anybody: by the client, by whoever wants to send the file, by who looks after what was
   * left. Throws CONFLICT where bytes are missing, UNSUPPORTED and BLOCKED where it is not accepted (then it is gone), OVERLOADED where store or scanner do not answer.
   */
  return async (id: FileId): Promise<FileRecord> => {
    const record = await records.read(id);
    if (record === undefined || record.status === "removing") throw gone();
    if (record.status === "stored") return record;
    if (record.offset < record.bytes) {
      const message = `The file is not there yet: ${record.offset} of ${record.bytes} bytes are.`;
      throw new ChatError("CONFLICT", { message });
    }
    const whole = await readWhole(deps.reading.bytesOf(record));
    const type = await typeOf(whole, record);
    if (type === undefined || !isAllowed(type, deps.types)) return refuse(record, notAllowed(type));
    const scan = await scanned(record);
    const counts = await records.change(id, (found): NextFile | undefined => {
      if (found?.status !== "uploading" || found.offset < found.bytes) return undefined;
      const said = { media_type: type, sha256: whole.sha256, ...(scan === undefined ? {} : { scan }) };
      return { ...found, ...said, status: "stored", touched_at: Date.now() };
    });
    if (counts?.status !== "stored") throw gone();
    return counts;
  };
}

async function readWhole(bytes: AsyncIterable<Uint8Array>): Promise<WholeFile> {
  const hash = createHash("sha256");
  const text = createTextCheck();
  let beginning: Uint8Array | undefined;
  for await (const piece of bytes) {
    beginning ??= piece;
    hash.update(piece);
    text.take(piece);
  }
  return { sha256: hash.digest("hex"), beginning: beginning ?? new Uint8Array(), isText: text.end() };
}

/** Undefined: of no kind that is known. */
async function typeOf({ beginning, isText }: WholeFile, { name, media_type }: FileRecord): Promise<string | undefined> {
  const found = await sniffed(beginning);
  if (found.kind === "binary") return keptType(found.mediaType, media_type);
  return isText ? textType(beginning, name) : undefined;
}

export function gone(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such file." });
}
