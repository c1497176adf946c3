import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import type { FileStore } from "@parley/bus";
import { z } from "zod";

/** The bytes of files in a bucket elsewhere: one file with all of them, one after the other, and one that says where each is. */

export const BucketBackup = z.object({
  objects: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  /** Of the index, which has the checksum of each object. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type BucketBackup = z.infer<typeof BucketBackup>;

const Place = z.object({
  key: z.string().min(1),
  at: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
  sha256: z.string(),
});
type Place = z.infer<typeof Place>;

const indexFile = "bucket.ndjson";
const dataFile = "bucket.data";

type Bucket = Pick<FileStore, "get" | "list" | "put">;
type OnBytes = (bytes: number) => void;

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** By listing it. What is removed meanwhile is left out: no file has it any more. */
export async function backUpBucket(bucket: Bucket, folder: string, onBytes: OnBytes): Promise<BucketBackup> {
  const [data, index] = [await create(folder, dataFile), await create(folder, indexFile)];
  const hash = createHash("sha256");
  const sum = { objects: 0, bytes: 0 };
  try {
    for await (const key of keysOf(bucket)) {
      const bytes = await bucket.get(key);
      if (bytes === undefined) continue;
      await write(index, hash, { key, at: sum.bytes, bytes: bytes.length, sha256: hashOf(bytes) });
      await data.writeFile(bytes);
      sum.objects++;
      onBytes((sum.bytes += bytes.length));
    }
    await Promise.all([data.sync(), index.sync()]);
    return { ...sum, sha256: hash.digest("hex") };
  } finally {
    await Promise.all([data.close(), index.close()]);
  }
}

function create(folder: string, name: string): Promise<FileHandle> {
  return open(path.join(folder, name), "wx", 0o600);
}

async function write(index: FileHandle, hash: Hash, place: Place): Promise<void> {
  const line = `${JSON.stringify(place)}\n`;
  hash.update(line);
  await index.writeFile(line);
}

async function* keysOf(bucket: Pick<FileStore, "list">): AsyncGenerator<string> {
  let after: string | undefined;
  do {
    const page = await bucket.list(after);
    for (const { key } of page.keys) yield key;
    after = page.next;
  } while (after !== undefined);
}

/** Throws an Error with one sentence where the files are not what the manifest says. */
export async function verifyBucket(folder: string, { sha256 }: BucketBackup): Promise<void> {
  if (hashOf(await readFile(path.join(folder, indexFile))) !== sha256)
    throw new Error(`${indexFile} is damaged: its checksum is another.`);
  await eachObject(folder, async () => {});
}

async function eachObject(folder: string, take: (key: string, bytes: Buffer) => Promise<void>): Promise<void> {
  const data = await open(path.join(folder, dataFile), "r");
  try {
    for await (const line of createInterface({ input: createReadStream(path.join(folder, indexFile)) })) {
      const { key, at, bytes, sha256 } = Place.parse(JSON.parse(line));
      const { buffer } = await data.read(Buffer.alloc(bytes), 0, bytes, at);
      if (hashOf(buffer) !== sha256) throw new Error(`${dataFile} is damaged: the checksum of ${key} is another.`);
      await take(key, buffer);
    }
  } finally {
    await data.close();
  }
}

/** Whether it may be filled. A key is written once, so what is there already is the same, or somebody else's. */
export async function checkBucket(bucket: Bucket, replace: boolean): Promise<void> {
  const { keys } = await bucket.list();
  if (keys.length > 0 && !replace)
    throw new Error("The bucket of files already holds something: empty it, name another one, or give --replace.");
}

export async function restoreBucket(bucket: Bucket, folder: string, onBytes: OnBytes): Promise<void> {
  let sum = 0;
  await eachObject(folder, async (key, bytes) => {
    await bucket.put(key, bytes);
    onBytes((sum += bytes.length));
  });
}
