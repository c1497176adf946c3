import { existsSync } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { BrokerLink } from "@parley/bus";
import { KeyRecord, WrappedKey, parseStored, streams } from "@parley/protocol";
import { z } from "zod";
import { findStream } from "./stream-api.ts";

/** What the broker has of a key: it was wrapped anew, made or erased since the backup. */
interface LiveKey {
  readonly subject: string;
  readonly data: Uint8Array;
}

type Connection = BrokerLink["nc"];

/**
 * The keys that a broker has when a backup of older ones is put in their place. What stays of its streams (`isKept`) is sealed with them; and what was erased since must stay erased, or a deleted conversation could
 * be read again.
 */
export async function liveKeys(nc: Connection): Promise<readonly LiveKey[]> {
  const found = await findStream(nc, streams.keys);
  if (found === undefined || found.state.messages === 0) return [];
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const bySubject = new Map<string, LiveKey>();
  for (let seq = found.state.first_seq; seq <= found.state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(streams.keys, { seq });
    const isKey = message !== null && KeyRecord.safeParse(parseStored(message.data)).success;
    if (isKey) bySubject.set(message.subject, { subject: message.subject, data: message.data });
  }
  return [...bySubject.values()];
}

const Saved = z.array(z.object({ subject: z.string(), data: z.string() }));
const savedFile = "keys-of-the-broker.json";

/**
 * The broker's keys, on disk while its stream is replaced: a restore that is killed in between would otherwise have forgotten what was erased since. What a restore that was killed has
 * left here counts before what the broker has now, which is the backup's.
 */
export async function holdKeys(folder: string, live: readonly LiveKey[]): Promise<readonly LiveKey[]> {
  const bySubject = new Map([...live, ...(await readHeld(folder))].map((key) => [key.subject, key]));
  const all = [...bySubject.values()];
  if (all.length === 0) return all;
  const text = JSON.stringify(
    all.map(({ subject, data }) => ({ subject, data: Buffer.from(data).toString("base64") })),
  );
  const place = path.join(folder, savedFile);
  const file = await open(`${place}.new`, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${place}.new`, place);
  return all;
}

async function readHeld(folder: string): Promise<readonly LiveKey[]> {
  const place = path.join(folder, savedFile);
  if (!existsSync(place)) return [];
  const saved = Saved.parse(JSON.parse(await readFile(place, "utf8")));
  return saved.map(({ subject, data }) => ({ subject, data: Buffer.from(data, "base64") }));
}

/** They are at the broker again. */
export function dropHeld(folder: string): Promise<void> {
  return rm(path.join(folder, savedFile), { force: true });
}

/** Those of the broker count; what they replace is erased on disk. */
export async function putBack(nc: Connection, live: readonly LiveKey[]): Promise<void> {
  if (live.length === 0) return;
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const js = jetstream(nc);
  for (const { subject, data } of live) {
    const restored = await jsm.streams.getMessage(streams.keys, { last_by_subj: subject });
    if (restored !== null && kidOf(restored.data) === kidOf(data) && kidOf(data) !== undefined) continue;
    if (restored !== null) await jsm.streams.deleteMessage(streams.keys, restored.seq, true);
    await js.publish(subject, data);
  }
}

/** Undefined: it was erased. */
function kidOf(data: Uint8Array): string | undefined {
  return WrappedKey.safeParse(parseStored(data)).data?.kid;
}
