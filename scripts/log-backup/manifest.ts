import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { StreamState } from "./stream-api.ts";

export const manifestFile = "backup.json";

export function snapshotFile(stream: string): string {
  return `${stream}.snapshot`;
}

const StreamBackup = z.object({
  stream: z.string().regex(/^[A-Z]+(_\d+)?$/),
  /** As the broker had it; given back to it as it is. */
  config: z.record(z.string(), z.unknown()),
  state: StreamState,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type StreamBackup = z.infer<typeof StreamBackup>;

/** What is in a backup folder. */
const Manifest = z.object({ v: z.literal(1), made_at: z.iso.datetime(), streams: z.array(StreamBackup).min(1) });
export type Manifest = z.infer<typeof Manifest>;

/** Throws an Error with one sentence when the folder is no backup. */
export async function readManifest(folder: string): Promise<Manifest> {
  try {
    return Manifest.parse(JSON.parse(await readFile(path.join(folder, manifestFile), "utf8")));
  } catch (cause) {
    throw new Error(`${folder} is no whole backup: its ${manifestFile} is missing or damaged.`, { cause });
  }
}
