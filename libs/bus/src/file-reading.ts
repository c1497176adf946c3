import { ChatError, type FileRecord } from "@parley/protocol";
import type { FileStore } from "./file-store.ts";

/** Which bytes of a file; both ends are part of it. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export type FileReading = ReturnType<typeof createFileReading>;

/** The bytes of files, a part at a time: nothing of it is in memory but the one that is read. */
export function createFileReading(store: Pick<FileStore, "get">) {
  return {
    /** Throws PROCESSING_ERROR where a part is not what was stored, and OVERLOADED when the store does not answer. */
    async *bytesOf(
      { parts, offset }: Pick<FileRecord, "parts" | "offset">,
      { from, to }: ByteRange = { from: 0, to: offset - 1 },
    ): AsyncGenerator<Uint8Array> {
      for (const { key, at, bytes } of parts) {
        if (at + bytes <= from || at > to) continue;
        const piece = await store.get(key);
        if (piece?.length !== bytes) {
          const cause = new Error(`the part ${key} of a file is missing or is not what was stored`);
          throw new ChatError("PROCESSING_ERROR", { message: "This file cannot be read.", cause });
        }
        yield piece.subarray(Math.max(0, from - at), Math.min(bytes, to - at + 1));
      }
    },
  };
}
