import { createHash } from "node:crypto";
import type { Bus } from "@parley/bus";
import { ChatError, fileLimits, type FileRecord } from "@parley/protocol";
import type { FileFigures } from "../../figures/file-figures.ts";

export interface ReceivingDeps {
  readonly files: Bus["files"];
  readonly figures: Pick<FileFigures, "count" | "received">;
}

/** What the bytes must come to. */
export interface Checksum {
  readonly algorithm: string;
  readonly digest: Buffer;
}

/** Bytes of a file, as they come. */
export interface ReceivedBytes {
  readonly offset: number;
  /** The next ones; undefined: that was all. */
  readonly read: () => Promise<Buffer | undefined>;
  readonly checksum?: Checksum | undefined;
  /** Throws when the caller may not any more. */
  readonly recheck: (() => void) | undefined;
}

/** The bytes are not those that their sender has hashed. */
export class ChecksumError extends ChatError {
  constructor() {
    super("CONFLICT", { message: "The bytes that arrived are not those that were sent: send them again." });
    this.name = "ChecksumError";
  }
}

/** So much is checked before it counts: it is held in memory until then. */
export const checkedBytes = 4 * fileLimits.partBytes;

/** Takes the bytes of files in. */
export function createReceiving({ files, figures }: ReceivingDeps) {
  const append = async (record: FileRecord, bytes: Buffer): Promise<FileRecord> => {
    const after = await files.append(record.file_id, record.offset, bytes);
    figures.received(bytes.length);
    return after;
  };

  /** Nobody goes on with it. */
  const refused = async ({ file_id }: FileRecord): Promise<void> => {
    figures.count("refused");
    await files.remove(file_id, ({ status }) => status === "uploading").catch(() => {});
  };

  return {
    /**
     * Stores what comes, a part at a time: the next one is read when one is stored. What came before the client went away, or before an error, stays. Throws as `files.append`, and what
     * `read` throws.
     */
    async receive(record: FileRecord, bytes: ReceivedBytes): Promise<FileRecord> {
      if (record.status === "stored" || record.offset !== bytes.offset) throw elsewhere(record);
      const { read, checksum } = bytes;
      if (checksum !== undefined) return append(record, await readChecked(read, checksum));
      const parts = createPart();
      let standing = record;
      const store = async (): Promise<void> => {
        bytes.recheck?.();
        standing = await append(standing, parts.take());
      };
      try {
        await storeAll(read, parts, store);
      } catch (error) {
        if (error instanceof ChatError && error.code === "UNSUPPORTED") await refused(record);
        // The sender is gone: so much less has to be sent again.
        if (!(error instanceof ChatError) && parts.bytes() > 0) await append(standing, parts.take()).catch(() => {});
        throw error;
      }
      return standing;
    },

    /** As `files.finish`. */
    async finish(record: FileRecord): Promise<FileRecord> {
      try {
        const stored = await files.finish(record.file_id);
        if (record.status !== "stored") figures.count("stored");
        return stored;
      } catch (error) {
        if (error instanceof ChatError && (error.code === "UNSUPPORTED" || error.code === "BLOCKED"))
          figures.count("refused");
        throw error;
      }
    },
  };
}

export function elsewhere({ offset, status }: FileRecord): ChatError {
  const message = status === "stored" ? "The file is stored already." : `The file goes on at byte ${offset}.`;
  return new ChatError("CONFLICT", { message });
}

/** Each part as soon as it is full; the last one at the end. */
async function storeAll(
  read: ReceivedBytes["read"],
  parts: ReturnType<typeof createPart>,
  store: () => Promise<void>,
): Promise<void> {
  for (let piece = await read(); piece !== undefined; piece = await read()) {
    parts.add(piece);
    while (parts.isFull()) await store();
  }
  if (parts.bytes() > 0) await store();
}

/** Collects bytes until they are a part. */
function createPart() {
  let chunks: Buffer[] = [];
  let size = 0;
  return {
    bytes: (): number => size,
    isFull: (): boolean => size >= fileLimits.partBytes,
    add(bytes: Buffer): void {
      chunks.push(bytes);
      size += bytes.length;
    },
    take(): Buffer {
      const all = Buffer.concat(chunks);
      const part = all.subarray(0, fileLimits.partBytes);
      const rest = all.subarray(fileLimits.partBytes);
      chunks = rest.length === 0 ? [] : [rest];
      size = rest.length;
      return part;
    },
  };
}

async function readChecked(read: () => Promise<Buffer | undefined>, { algorithm, digest }: Checksum): Promise<Buffer> {
  const hash = createHash(algorithm);
  const chunks: Buffer[] = [];
  let size = 0;
  for (let bytes = await read(); bytes !== undefined; bytes = await read()) {
    size += bytes.length;
    if (size > checkedBytes) {
      const message = `At most ${checkedBytes / 2 ** 20} MB are checked at once: send less, or without a checksum.`;
      throw new ChatError("MESSAGE_TOO_LARGE", { message });
    }
    hash.update(bytes);
    chunks.push(bytes);
  }
  if (!hash.digest().equals(digest)) throw new ChecksumError();
  return Buffer.concat(chunks);
}
