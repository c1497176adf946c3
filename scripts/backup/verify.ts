import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import path from "node:path";
import { verifyBucket } from "./bucket.ts";
import { readManifest, snapshotFile, type Manifest, type StreamBackup } from "./manifest.ts";

const chunkBytes = 128 * 1024;

/** A backup whose files are what its manifest says. Throws an Error with one sentence where they are not. */
export async function verify(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder);
  for (const backup of manifest.streams) await checkFile(folder, backup);
  if (manifest.bucket !== undefined) await verifyBucket(folder, manifest.bucket);
  return manifest;
}

/** The keys that were put apart from this backup, or from a later one of the same deployment; undefined: it has none. Throws where they are missing, damaged, older, or not its own. */
export async function verifyKeys(manifest: Manifest, folder: string | undefined): Promise<Manifest | undefined> {
  const named = manifest.keys;
  if (named === undefined) {
    if (folder !== undefined) throw new Error("This backup has no keys apart: leave --keys out.");
    return undefined;
  }
  if (folder === undefined)
    throw new Error(
      `What is sealed in this backup needs the keys that were put apart (${named.streams.join(", ")}): name their folder with --keys.`,
    );
  const keys = await verify(folder);
  if (keys.backup !== named.backup) checkOtherKeys(manifest, keys, folder);
  return keys;
}

/** Later keys open all of it but what was deleted since, which is what a deletion is for. Older ones lack some, and still have what was deleted. */
function checkOtherKeys(manifest: Manifest, keys: Manifest, folder: string): void {
  const isSame = manifest.keys_since !== undefined && manifest.keys_since === keys.keys_since;
  if (!isSame) throw new Error(`${folder} has the keys of another backup.`);
  if (Date.parse(keys.made_at) < Date.parse(manifest.made_at))
    throw new Error(
      `${folder} has keys of ${keys.made_at}, which are older than this backup of ${manifest.made_at}: give its own, or later ones.`,
    );
}

async function checkFile(folder: string, { stream, sha256 }: StreamBackup): Promise<void> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of readChunks(folder, stream)) hash.update(chunk);
  } catch (cause) {
    throw new Error(`${snapshotFile(stream)} is missing or cannot be read.`, { cause });
  }
  if (hash.digest("hex") !== sha256) throw new Error(`${snapshotFile(stream)} is damaged: its checksum is another.`);
}

/** A snapshot, in the portions in which the broker takes it. */
export async function* readChunks(folder: string, stream: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path.join(folder, snapshotFile(stream)), { highWaterMark: chunkBytes });
  for await (const chunk of file) {
    if (!Buffer.isBuffer(chunk)) throw new Error("a file is read as bytes");
    yield chunk;
  }
}
