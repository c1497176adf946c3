import type { BrokerLink, FileStore } from "@parley/bus";
import { streams } from "@parley/protocol";
import { z } from "zod";
import type { Progress } from "./backup.ts";
import { checkBucket, restoreBucket } from "./bucket.ts";
import { dropHeld, holdKeys, liveKeys, putBack } from "./live-keys.ts";
import type { Manifest, StreamBackup } from "./manifest.ts";
import { isKept } from "./places.ts";
import { askApi, deleteStream, findStream, parseAnswer, StreamState } from "./stream-api.ts";
import { readChunks, verify, verifyKeys } from "./verify.ts";

const chunkTimeoutMs = 30_000;
/** At the end the broker unpacks the whole stream before it answers. */
const unpackTimeoutMs = 10 * 60_000;

const Started = z.object({ deliver_subject: z.string() });
const Restored = z.object({ state: z.looseObject(StreamState.shape) });

type Connection = BrokerLink["nc"];

export interface RestoreOptions {
  /** Deletes streams that hold messages; else they are a reason to refuse. */
  readonly replace: boolean;
  /** The folder of the keys, where they are apart. */
  readonly keys: string | undefined;
  /** Where the bytes of files go; undefined: they are at the broker. */
  readonly bucket?: FileStore | undefined;
  readonly onProgress?: Progress;
}

export interface RestoredAll {
  readonly manifest: Manifest;
  /** When the keys were saved, where they are apart. */
  readonly keysMadeAt: string | undefined;
  readonly restored: readonly StreamBackup[];
  /** What the broker holds of them is newer, and stays. */
  readonly kept: readonly string[];
}

/** Puts a backup into the broker. Everything is checked before the first stream is touched. */
export async function restore(nc: Connection, folder: string, options: RestoreOptions): Promise<RestoredAll> {
  const { replace, keys: keysFolder, bucket, onProgress } = options;
  const manifest = await verify(folder);
  const keys = await verifyKeys(manifest, keysFolder);
  const all = [
    // The other way round than they were taken: what is referred to is there before who refers to it.
    ...placed(keys?.streams ?? [], keysFolder ?? ""),
    ...placed(manifest.streams, folder).toReversed(),
  ];
  const kept = await heldOf(nc, all.map(({ backup }) => backup.stream).filter(isKept));
  const wanted = all.filter(({ backup }) => !kept.includes(backup.stream));
  for (const { backup } of wanted) await checkPlace(nc, backup.stream, replace);
  if (manifest.bucket !== undefined) {
    if (bucket === undefined)
      throw new Error("This backup has the bytes of files in a bucket: set FILE_STORE=s3 and S3_… as edges have them.");
    await checkBucket(bucket, replace);
    await restoreBucket(bucket, folder, (bytes) => onProgress?.("bytes of files", bytes));
  }
  const live = keysFolder === undefined ? [] : await holdKeys(keysFolder, await liveKeys(nc));
  for (const { from, backup } of wanted) {
    await restoreStream(nc, from, backup, (bytes) => onProgress?.(backup.stream, bytes));
    // The keys come first: without those of what stays nobody could read that any more.
    if (backup.stream === streams.keys) await putBack(nc, live);
  }
  if (keysFolder !== undefined) await dropHeld(keysFolder);
  return { manifest, keysMadeAt: keys?.made_at, restored: wanted.map(({ backup }) => backup), kept };
}

function placed(streams: readonly StreamBackup[], from: string) {
  return streams.map((backup) => ({ from, backup }));
}

async function heldOf(nc: Connection, streams: readonly string[]): Promise<string[]> {
  const found = await Promise.all(streams.map(async (stream) => (await findStream(nc, stream))?.state.messages ?? 0));
  return streams.filter((_, i) => (found[i] ?? 0) > 0);
}

async function checkPlace(nc: Connection, stream: string, replace: boolean): Promise<void> {
  const there = await findStream(nc, stream);
  if (there === undefined || there.state.messages === 0 || replace) return;
  throw new Error(
    `${stream} already holds ${there.state.messages} messages: stop all of Parley, then give --replace to delete them.`,
  );
}

async function restoreStream(
  nc: Connection,
  folder: string,
  backup: StreamBackup,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { stream, config, state } = backup;
  if ((await findStream(nc, stream)) !== undefined) await deleteStream(nc, stream);
  const request = `RESTORE.${stream}`;
  const { deliver_subject } = await askApi(nc, request, { schema: Started, body: { config, state } });
  let bytes = 0;
  for await (const chunk of readChunks(folder, stream)) {
    const answer = (await nc.request(deliver_subject, chunk, { timeout: chunkTimeoutMs })).string();
    if (answer !== "") parseAnswer(z.unknown(), answer, request);
    onBytes((bytes += chunk.length));
  }
  const end = await nc.request(deliver_subject, "", { timeout: unpackTimeoutMs });
  checkState(backup, parseAnswer(Restored, end.string(), request).state);
}

function checkState({ stream, state }: StreamBackup, restored: StreamState): void {
  // Of an empty stream brokers say that it begins at 0 or at 1.
  const isSameStart = state.messages === 0 || restored.first_seq === state.first_seq;
  if (isSameStart && restored.messages === state.messages && restored.last_seq === state.last_seq) return;
  throw new Error(`${stream} was restored with ${restored.messages} messages instead of ${state.messages}.`);
}
