import { createHash } from "node:crypto";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import path from "node:path";
import type { BrokerLink } from "@parley/bus";
import { streams } from "@parley/protocol";
import { withDeadline } from "@parley/runtime";
import { z } from "zod";
import { manifestFile, snapshotFile, type Manifest, type StreamBackup } from "./manifest.ts";
import { askApi, findStream, StreamState } from "./stream-api.ts";

const chunkBytes = 128 * 1024;
/** The broker sends on only while its chunks are acknowledged; one that is silent for longer has stopped. */
const chunkWithinMs = 30_000;
const maxShards = 1_024;
const endOfSnapshot = 204;

const Started = z.object({ config: z.record(z.string(), z.unknown()), state: z.looseObject(StreamState.shape) });

type Connection = BrokerLink["nc"];

/** The broker's own snapshot of each log stream, of what was revoked, of the audit log, of the workshop's diaries, of what is remembered of users and of what they want to be told, and of the tenants' documents: it keeps the sequences, which the records name each other by. */
export async function backUpLog(nc: Connection, folder: string): Promise<Manifest> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const backups: StreamBackup[] = [];
  for (let shard = 0; shard < maxShards; shard++) {
    const stream = streams.log(shard);
    if ((await findStream(nc, stream)) === undefined) break;
    backups.push(await backUpStream(nc, stream, folder));
  }
  if (backups.length === 0) throw new Error("This NATS server has no log of Parley: there is nothing to back up.");
  // Else somebody who was revoked could come back with the conversations.
  const { gate, audit, usage, workshop, memory, notices, documents } = streams;
  for (const stream of [gate, audit, usage, workshop, memory, notices, documents])
    if ((await findStream(nc, stream)) !== undefined) backups.push(await backUpStream(nc, stream, folder));
  const manifest: Manifest = { v: 1, made_at: new Date().toISOString(), streams: backups };
  // Written last: a folder without it is no backup.
  await writePrivately(path.join(folder, manifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

async function backUpStream(nc: Connection, stream: string, folder: string): Promise<StreamBackup> {
  const inbox = `_INBOX.${crypto.randomUUID()}`;
  const chunks = nc.subscribe(inbox);
  const file = await open(path.join(folder, snapshotFile(stream)), "wx", 0o600);
  try {
    const body = { deliver_subject: inbox, no_consumers: true, chunk_size: chunkBytes, jsck: true };
    const { config, state } = await askApi(nc, `SNAPSHOT.${stream}`, { schema: Started, body });
    const sha256 = await writeChunks(chunks, file, stream);
    return { stream, config, state: StreamState.parse(state), sha256 };
  } finally {
    chunks.unsubscribe();
    await file.close();
  }
}

async function writeChunks(
  chunks: ReturnType<Connection["subscribe"]>,
  file: FileHandle,
  stream: string,
): Promise<string> {
  const hash = createHash("sha256");
  const arriving = chunks[Symbol.asyncIterator]();
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
    await file.write(chunk.data);
    chunk.respond();
  }
}

async function writePrivately(name: string, text: string): Promise<void> {
  const file = await open(name, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
