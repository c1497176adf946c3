import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import path from "node:path";
import type { BrokerLink, FileStore } from "@parley/bus";
import { streams } from "@parley/protocol";
import { withDeadline } from "@parley/runtime";
import { z } from "zod";
import { backUpBucket } from "./bucket.ts";
import { manifestFile, snapshotFile, type Manifest, type StreamBackup } from "./manifest.ts";
import { chosen, isLog, type Chosen } from "./places.ts";
import { askApi, findStream, streamNames, StreamState } from "./stream-api.ts";

const chunkBytes = 128 * 1024;
/** The broker sends on only while its chunks are acknowledged; one that is silent for longer has stopped. */
const chunkWithinMs = 30_000;
const endOfSnapshot = 204;

const Started = z.object({ config: z.record(z.string(), z.unknown()), state: z.looseObject(StreamState.shape) });

type Connection = BrokerLink["nc"];

/** Told of what is done: `bytes` of the stream so far, as written. */
export type Progress = (stream: string, bytes: number) => void;

export interface BackupOptions {
  /** A folder of its own for keys; undefined: none is named. */
  readonly keys: string | undefined;
  /** Where the bytes of files are; undefined: at the broker. */
  readonly bucket?: FileStore | undefined;
  readonly onProgress?: Progress;
}

export interface BackedUp {
  readonly manifest: Manifest;
  readonly keys: Manifest | undefined;
  readonly left: Chosen["left"];
}

/** The broker's own snapshot of each stream: it keeps the sequences, which the records name each other by. */
export async function backUp(nc: Connection, folder: string, options: BackupOptions): Promise<BackedUp> {
  const { keys, bucket: from, onProgress } = options;
  const plan = chosen(await streamNames(nc));
  if (!plan.data.some(isLog)) throw new Error("This NATS server has no log of Parley: there is nothing to back up.");
  checkKeys(plan, folder, keys);
  const backup = randomUUID();
  const data = await writeFolder(nc, folder, { streams: plan.data, onProgress });
  // Behind the records that name them.
  const bucket = from && (await backUpBucket(from, folder, (bytes) => onProgress?.("bytes of files", bytes)));
  // Behind all: what is sealed in the rest names keys that are here.
  const apart = keys === undefined || plan.keys.length === 0 ? undefined : keys;
  const sealed = apart === undefined ? undefined : await writeFolder(nc, apart, { streams: plan.keys, onProgress });
  const made_at = new Date().toISOString();
  const common = { v: 2 as const, backup, made_at };
  const sinceField = plan.keys.length === 0 ? {} : await keysSince(nc);
  const keysManifest: Manifest | undefined =
    sealed === undefined ? undefined : { ...common, streams: sealed, ...sinceField };
  const named = plan.keys.length === 0 ? {} : { keys: { streams: [...plan.keys], backup }, ...sinceField };
  const manifest: Manifest = { ...common, streams: data, ...named, ...(bucket === undefined ? {} : { bucket }) };
  // Written last: a folder without it is no backup.
  if (apart !== undefined && keysManifest !== undefined) await writeManifest(apart, keysManifest);
  await writeManifest(folder, manifest);
  return { manifest, keys: keysManifest, left: plan.left };
}

async function keysSince(nc: Connection): Promise<Pick<Manifest, "keys_since">> {
  const created = (await findStream(nc, streams.keys))?.created;
  return created === undefined ? {} : { keys_since: created };
}

function checkKeys(plan: Chosen, folder: string, keys: string | undefined): void {
  if (plan.keys.length > 0 && keys === undefined)
    throw new Error(
      `This deployment has keys (${plan.keys.join(", ")}). Say with --keys FOLDER where they go, apart from the rest: who has both can read everything.`,
    );
  if (keys !== undefined && isWithin(folder, keys))
    throw new Error("The keys need a folder that is not within that of the backup: together they protect nothing.");
}

function isWithin(folder: string, other: string): boolean {
  const relative = path.relative(path.resolve(folder), path.resolve(other));
  return relative === "" || (!relative.startsWith("..") && !path.isAbsolute(relative));
}

interface Writing {
  readonly streams: readonly string[];
  readonly onProgress: Progress | undefined;
}

async function writeFolder(
  nc: Connection,
  folder: string,
  { streams: names, onProgress }: Writing,
): Promise<StreamBackup[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const backups: StreamBackup[] = [];
  for (const stream of names)
    backups.push(await backUpStream(nc, stream, { folder, onBytes: (bytes) => onProgress?.(stream, bytes) }));
  return backups;
}

interface To {
  readonly folder: string;
  readonly onBytes: (bytes: number) => void;
}

async function backUpStream(nc: Connection, stream: string, { folder, onBytes }: To): Promise<StreamBackup> {
  const inbox = `_INBOX.${crypto.randomUUID()}`;
  const chunks = nc.subscribe(inbox);
  const file = await open(path.join(folder, snapshotFile(stream)), "wx", 0o600);
  try {
    const body = { deliver_subject: inbox, no_consumers: true, chunk_size: chunkBytes, jsck: true };
    const { config, state } = await askApi(nc, `SNAPSHOT.${stream}`, { schema: Started, body });
    const sha256 = await writeChunks(chunks, file, { stream, onBytes });
    return { stream, config, state: StreamState.parse(state), sha256 };
  } finally {
    chunks.unsubscribe();
    await file.close();
  }
}

async function writeChunks(
  chunks: ReturnType<Connection["subscribe"]>,
  file: FileHandle,
  { stream, onBytes }: { readonly stream: string; readonly onBytes: (bytes: number) => void },
): Promise<string> {
  const hash = createHash("sha256");
  const arriving = chunks[Symbol.asyncIterator]();
  let bytes = 0;
  for (;;) {
    const next = await withDeadline(arriving.next(), chunkWithinMs, `the next part of ${stream}`);
    if (next.done === true) throw new Error(`The snapshot of ${stream} broke off: NATS closed the connection.`);
    const chunk = next.value;
    if (chunk.data.length === 0) {
      const code = chunk.headers?.code ?? endOfSnapshot;
      if (code !== endOfSnapshot) throw new Error(`The snapshot of ${stream} broke off: NATS says ${code}.`);
      await file.sync();
      return hash.digest("hex");
    }
    hash.update(chunk.data);
    // Not `write`, which on a disk that runs full writes a part and says nothing.
    await file.writeFile(chunk.data);
    onBytes((bytes += chunk.data.length));
    chunk.respond();
  }
}

async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const file = await open(path.join(folder, manifestFile), "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(manifest, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}
