import { FileCare, FileId, fileLimits, subjects, type FileRecord } from "@parley/protocol";
import { appendBehind } from "./append-behind.ts";
import type { FileRecords } from "./file-records.ts";
import type { FileRemoval } from "./file-removal.ts";
import type { FileSets, Sum } from "./file-sets.ts";
import type { FileStore } from "./file-store.ts";
import type { FileUploads } from "./file-uploads.ts";

export interface FileCareDeps {
  readonly store: FileStore;
  readonly records: FileRecords;
  readonly sets: FileSets;
  readonly removal: FileRemoval;
  readonly uploads: Pick<FileUploads, "finish">;
}

export interface CareRound {
  /** So long a file may be there that nobody has sent. */
  readonly keepUnattachedMs: number;
  /** So long somebody may be at what looks left. Default: `fileLimits.orphanMs`. */
  readonly orphanMs?: number;
  /** Whether somebody has to keep it, though its time is over. Default: nobody has. */
  readonly isHeld?: (record: FileRecord) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** What a round has found. */
export interface CareFigures {
  readonly files: number;
  readonly bytes: number;
  /** Nobody has sent them in time, or their removal was left half done. */
  readonly removed: number;
  /** Parts that no record names. */
  readonly orphans: number;
}

/** What nobody wants any more: uploads that were left, parts of the dead. Any number of processes may do it at the same time; one at a time does. */
export function createFileCare(deps: FileCareDeps) {
  const last = deps.records.stored.lastOf(FileCare);
  return {
    /** Whether it is this process's turn: there are files, and nobody's has begun for so long. */
    async claim(by: string, everyMs: number): Promise<boolean> {
      let isOurs = false;
      // Nothing is made for it where nobody has ever brought a file.
      if ((await deps.records.lastSeq()) === 0) return false;
      const behind = { append: deps.records.stored.append, last };
      await appendBehind<FileCare>(behind, subjects.fileCare, (found, tried) => {
        const before = found?.value;
        isOurs = tried !== undefined && before?.by === by && before.ts === tried.ts;
        if (isOurs || (before !== undefined && Math.abs(Date.now() - before.ts) < everyMs)) return undefined;
        isOurs = true;
        return { v: 1, kind: "care", n: (before?.n ?? found?.seq ?? 0) + 1, by, ts: Date.now() };
      });
      return isOurs;
    },

    /** Throws when broker or store do not answer, or the signal is aborted; the next round begins anew. */
    async round(options: CareRound): Promise<CareFigures> {
      const times = { orphanMs: fileLimits.orphanMs, isHeld: async () => false, ...options };
      const sums = await walkFiles(deps, times);
      return { ...sums, orphans: await collectOrphans(deps, times) };
    },
  };
}

type Times = Required<CareRound>;

async function walkFiles(deps: FileCareDeps, times: Times) {
  const counted = await walkSets(deps, times);
  const lastSeq = await deps.records.lastSeq();
  const total = { files: 0, bytes: 0, removed: 0 };
  for await (const { record, writtenMs } of deps.records.walk(times.signal)) {
    if (await isOver(deps, record, Date.now() - writtenMs, times)) {
      total.removed++;
      continue;
    }
    total.files++;
    total.bytes += record.bytes;
    if (record.origin !== "user") continue;
    const sum = counted.get(record.tenant) ?? { files: 0, bytes: 0, before: await deps.sets.sumOf(record.tenant) };
    counted.set(record.tenant, { ...sum, files: sum.files + 1, bytes: sum.bytes + record.bytes });
  }
  // What was written meanwhile was counted twice, or not at all: then it is for a later round.
  if ((await deps.records.lastSeq()) !== lastSeq) return total;
  for (const [tenant, { before, files, bytes }] of counted) await deps.sets.correct(tenant, before, { files, bytes });
  return total;
}

/** Gives back places of files that never came to be. What tenants keep by now, to be counted anew. */
async function walkSets({ sets, records }: FileCareDeps, { orphanMs, signal }: Times) {
  const counted = new Map<string | undefined, Sum & { readonly before: Sum }>();
  for await (const { user, tenant, files } of sets.walk(signal)) {
    for (const { id, at } of files) {
      const isOld = Date.now() - at > orphanMs;
      if (isOld && (await records.read(id)) === undefined) await sets.giveBack({ user, tenant }, id);
    }
    if (!counted.has(tenant)) counted.set(tenant, { files: 0, bytes: 0, before: await sets.sumOf(tenant) });
  }
  return counted;
}

/** Removes it where its time is over. Whoever sends it at this moment is first or finds it gone: both write its record. */
async function isOver(
  { records, removal, uploads }: FileCareDeps,
  record: FileRecord,
  ageMs: number,
  { keepUnattachedMs: keepMs, orphanMs, isHeld }: Times,
): Promise<boolean> {
  if (record.status === "removing") {
    // Somebody may be at it.
    if (ageMs > orphanMs) await removal.finish(record);
    return true;
  }
  // It was still being read when its file was removed. A file that is being removed takes it along by itself.
  if (record.text_of !== undefined && (await records.read(record.text_of)) === undefined)
    return removal.remove(record.file_id);
  if (record.conversation_id !== undefined) return false;
  if (ageMs > keepMs && (await isHeld(record))) return false;
  if (ageMs > keepMs) return removal.remove(record.file_id, ({ n }) => n === record.n);
  const isWhole = record.status === "uploading" && record.offset === record.bytes;
  // Its process died before the end, and no client may come again: it has all bytes.
  if (isWhole && ageMs > orphanMs) await uploads.finish(record.file_id).catch(() => {});
  return false;
}

async function collectOrphans({ store, records }: FileCareDeps, { orphanMs, signal }: Times): Promise<number> {
  let [orphans, after]: [number, string | undefined] = [0, undefined];
  do {
    signal.throwIfAborted();
    const { keys, next } = await store.list(after);
    const old = keys.filter(({ storedMs }) => Date.now() - storedMs > orphanMs).map(({ key }) => key);
    const unnamed = await withoutRecord(records, old);
    await store.remove(unnamed);
    orphans += unnamed.length;
    after = next;
  } while (after !== undefined);
  return orphans;
}

/** The part of a file that is being removed is still named by its record. */
async function withoutRecord(records: FileRecords, keys: readonly string[]): Promise<string[]> {
  const named = new Map<string, ReadonlySet<string>>();
  const unnamed: string[] = [];
  for (const key of keys) {
    const id = FileId.safeParse(key.split("/", 1)[0]).data;
    // Somebody else's, in a bucket that is shared.
    if (id === undefined) continue;
    const parts = named.get(id) ?? new Set((await records.read(id))?.parts.map((part) => part.key));
    named.set(id, parts);
    if (!parts.has(key)) unnamed.push(key);
  }
  return unnamed;
}
