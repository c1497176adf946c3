import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import path from "node:path";
import type { BrokerLink } from "@parley/bus";
import { streams as names } from "@parley/protocol";
import { z } from "zod";
import { readManifest, snapshotFile, type Manifest, type StreamBackup } from "./manifest.ts";
import { askApi, deleteStream, findStream, parseAnswer, StreamState } from "./stream-api.ts";

const chunkBytes = 128 * 1024;
const chunkTimeoutMs = 30_000;
/** At the end the broker unpacks the whole stream before it answers. */
const unpackTimeoutMs = 10 * 60_000;

const Started = z.object({ deliver_subject: z.string() });
const Restored = z.object({ state: z.looseObject(StreamState.shape) });

/** What they hold since the backup must stay: who was revoked, who did what, what people have booked, brought, and had forgotten. Then the broker keeps its own. */
const keptIfThere: readonly string[] = [
  names.gate,
  names.audit,
  names.workshop,
  names.memory,
  names.notices,
  names.documents,
];

type Connection = BrokerLink["nc"];

export interface RestoreOptions {
  /** Deletes log streams that hold messages; else they are a reason to refuse. */
  readonly replace: boolean;
}

/** Puts a backup into the broker. Everything is checked before the first stream is touched. */
export async function restoreLog(nc: Connection, folder: string, { replace }: RestoreOptions): Promise<Manifest> {
  const manifest = await readManifest(folder);
  for (const backup of manifest.streams) await checkFile(folder, backup);
  const kept = await heldOf(nc, keptIfThere);
  const streams = manifest.streams.filter(({ stream }) => !kept.includes(stream));
  for (const { stream } of streams) await checkPlace(nc, stream, replace);
  for (const backup of streams) await restoreStream(nc, folder, backup);
  return { ...manifest, streams };
}

async function heldOf(nc: Connection, streams: readonly string[]): Promise<string[]> {
  const found = await Promise.all(streams.map(async (stream) => (await findStream(nc, stream))?.state.messages ?? 0));
  return streams.filter((_, i) => (found[i] ?? 0) > 0);
}

async function checkFile(folder: string, { stream, sha256 }: StreamBackup): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(folder, stream)) hash.update(chunk);
  if (hash.digest("hex") !== sha256) throw new Error(`${snapshotFile(stream)} is damaged: its checksum is another.`);
}

async function checkPlace(nc: Connection, stream: string, replace: boolean): Promise<void> {
  const there = await findStream(nc, stream);
  if (there === undefined || there.state.messages === 0 || replace) return;
  throw new Error(
    `${stream} already holds ${there.state.messages} messages: stop all of Parley, then give --replace to delete them.`,
  );
}

async function restoreStream(nc: Connection, folder: string, backup: StreamBackup): Promise<void> {
  const { stream, config, state } = backup;
  if ((await findStream(nc, stream)) !== undefined) await deleteStream(nc, stream);
  const request = `RESTORE.${stream}`;
  const { deliver_subject } = await askApi(nc, request, { schema: Started, body: { config, state } });
  for await (const chunk of readChunks(folder, stream)) {
    const answer = (await nc.request(deliver_subject, chunk, { timeout: chunkTimeoutMs })).string();
    if (answer !== "") parseAnswer(z.unknown(), answer, request);
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

async function* readChunks(folder: string, stream: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path.join(folder, snapshotFile(stream)), { highWaterMark: chunkBytes });
  for await (const chunk of file) {
    if (!Buffer.isBuffer(chunk)) throw new Error("a file is read as bytes");
    yield chunk;
  }
}
