import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { BucketBackup } from "./bucket.ts";
import { StreamState } from "./stream-api.ts";

export const manifestFile = "backup.json";

export function snapshotFile(stream: string): string {
  return `${stream}.snapshot`;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const StreamBackup = z.object({
  /** It becomes the name of a file. */
  stream: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  /** As the broker had it; given back to it as it is. */
  config: z.record(z.string(), z.unknown()),
  state: StreamState,
  sha256,
});
export type StreamBackup = z.infer<typeof StreamBackup>;

/** Keys that were put elsewhere, so that who has the one folder cannot read what is in it: by which that other folder is known. */
const KeysApart = z.object({ streams: z.array(z.string()).min(1), backup: z.string() });

/** What is in a backup folder. Version 1 named no keys. */
const Manifest = z.object({
  v: z.union([z.literal(1), z.literal(2)]),
  /** The same in both folders of a backup whose keys are apart. */
  backup: z.string().optional(),
  made_at: z.iso.datetime(),
  streams: z.array(StreamBackup),
  keys: KeysApart.optional(),
  /** When the stream of keys was made, in both folders: by it the keys of another backup of the same deployment are known. */
  keys_since: z.string().optional(),
  /** Bytes of files that are not at the broker. */
  bucket: BucketBackup.optional(),
});
export type Manifest = z.infer<typeof Manifest>;

/** Throws an Error with one sentence when the folder is no backup. */
export async function readManifest(folder: string): Promise<Manifest> {
  try {
    return Manifest.parse(JSON.parse(await readFile(path.join(folder, manifestFile), "utf8")));
  } catch (cause) {
    throw new Error(`${folder} is no whole backup: its ${manifestFile} is missing or damaged.`, { cause });
  }
}
