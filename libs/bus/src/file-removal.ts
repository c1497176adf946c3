import type { FileId, FileRecord, StoredPart } from "@parley/protocol";
import { textIdOf } from "@parley/protocol/turn-id";
import type { FileRecords } from "./file-records.ts";
import type { FileSets } from "./file-sets.ts";
import type { FileSealing } from "./file-store-sealed.ts";
import { scopeOfBytes, scopeOfRecord } from "./seal-places.ts";
import type { FileStore } from "./file-store.ts";

export interface FileRemovalDeps {
  readonly store: Pick<FileStore, "remove">;
  readonly records: FileRecords;
  readonly sets: Pick<FileSets, "giveBack">;
  readonly sealing?: FileSealing | undefined;
}

export type FileRemoval = ReturnType<typeof createFileRemoval>;

/**
 * Removes files: first the record says so (compare-and-set), so that nobody can send one any more whose parts go; then its parts, what names it, and the record. Whoever dies in between leaves
 * what the next one goes on with.
 */
export function createFileRemoval({ store, records, sets, sealing }: FileRemovalDeps) {
  type IsMeant = (record: FileRecord) => boolean;
  const remove = async (id: FileId, isMeant: IsMeant = () => true): Promise<boolean> => {
    const record = await records.change(id, (found) =>
      found !== undefined && found.status !== "removing" && isMeant(found)
        ? { ...found, status: "removing", touched_at: Date.now() }
        : undefined,
    );
    if (record?.status !== "removing") return false;
    await finish(record);
    return true;
  };

  async function finish(record: FileRecord): Promise<void> {
    const { file_id: id, user, tenant, parts, conversation_id: conversation, origin } = record;
    await sealing?.shred(scopeOfBytes(id));
    // Before its own record, by which whoever goes on knows of it. Texts are kept of what was sent, and none of a text.
    if (conversation !== undefined && record.text_of === undefined) await remove(textIdOf(record));
    await store.remove(parts.map(({ key }) => key));
    if (conversation !== undefined) await records.unlink(conversation, id);
    await records.drop(id);
    if (origin === "user") await sets.giveBack({ user, tenant }, id);
    await sealing?.shred(scopeOfRecord(id));
  }

  return {
    /** Goes on with one that says that it is being removed. */
    finish,

    /** Whether it was removed: it is there, and `isMeant` says so of what counts. Throws when broker or store do not answer; it can be repeated. */
    remove,

    /** Parts that no record names any more. What is left of them is collected. */
    async dropParts(parts: readonly StoredPart[]): Promise<void> {
      if (parts.length > 0) await store.remove(parts.map(({ key }) => key)).catch(() => {});
    },
  };
}
