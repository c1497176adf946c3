import { createHash, randomBytes } from "node:crypto";
import { ChatError, encodeJson, parseStored, streams, subjects } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { z } from "zod";
import {
  anotherInProcess,
  EventTooLargeError,
  NoRoomError,
  wrongLastSequence,
  type Append,
  type AppendResult,
} from "./appender.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { FileStore, StoredKey } from "./file-store.ts";
import type { FileStreamDeps } from "./file-streams.ts";
import { once } from "./once.ts";

/** Of an object in one message: below any broker's `max_payload`. */
const chunkBytes = 384 * 1024;
const writeMs = 15_000;
/** Of one page of a list. */
const pageKeys = 500;
/** Pieces that are removed side by side. */
const removers = 8;

/** What the object store of NATS says of an object; it knows more fields. */
const ObjectMeta = z.object({
  name: z.string(),
  nuid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  size: z.number().int().nonnegative(),
  chunks: z.number().int().nonnegative().max(1_024),
  digest: z.string(),
  mtime: z.string(),
});
type ObjectMeta = z.infer<typeof ObjectMeta>;

/**
 * In the bucket of an object store at the broker, in the format of NATS's own tools and libraries. They are not used here: they read by consumers that push, which the role of tool workers
 * must not have, and leave a marker behind for each object that was removed.
 */
export function createNatsFileStore(deps: FileStreamDeps): FileStore {
  const ready = once(deps.setUpBytes);
  const { jsm } = deps;
  const metaOf = async (key: string): Promise<{ seq: number; meta: ObjectMeta } | undefined> => {
    const found = await jsm.lookUp(streams.fileBytes, { last_by_subj: metaSubject(key) });
    const meta = found === null ? undefined : readMeta(deps, found);
    return found === null || meta === undefined ? undefined : { seq: found.seq, meta };
  };
  const removeOne = async (key: string): Promise<void> => {
    const found = await metaOf(key);
    if (found !== undefined) await purge(deps, subjects.fileChunk(found.meta.nuid));
    // Behind its bytes: by it they are found.
    await purge(deps, metaSubject(key));
  };
  return {
    kind: "nats",

    async put(key, bytes) {
      await ready();
      const meta = newMeta(key, bytes);
      const deadline = performance.now() + writeMs;
      // Before its bytes, so that these are found wherever a process dies; nobody reads them before a record names the key.
      await write(deps, { subject: metaSubject(key), data: encodeJson(meta), expect: 0 }, deadline);
      const subject = subjects.fileChunk(meta.nuid);
      for (let nth = 0; nth < meta.chunks; nth++) {
        const data = bytes.subarray(nth * chunkBytes, (nth + 1) * chunkBytes);
        // A chunk that was stored without an answer is not stored twice.
        await write(deps, { subject, data, msgId: `${meta.nuid}-${nth}` }, deadline);
      }
    },

    async get(key) {
      await ready();
      const found = await metaOf(key);
      return found && readChunks(deps, found.meta, found.seq);
    },

    async remove(keys) {
      await ready();
      const left = [...keys];
      const next = async (): Promise<void> => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) await removeOne(key);
      };
      await Promise.all(Array.from({ length: removers }, next));
    },

    async list(after = "0") {
      await ready();
      return listFrom(deps, Number(after) + 1);
    },

    close() {},
  };
}

function newMeta(key: string, bytes: Uint8Array): ObjectMeta & { readonly bucket: string; readonly options: object } {
  return {
    name: key,
    bucket: "parley_files",
    nuid: randomBytes(16).toString("base64url"),
    size: bytes.length,
    chunks: Math.ceil(bytes.length / chunkBytes),
    digest: digestOf(bytes),
    mtime: new Date().toISOString(),
    options: { max_chunk_size: chunkBytes },
  };
}

function metaSubject(key: string): string {
  const text = Buffer.from(key).toString("base64url");
  return subjects.fileMeta(text.padEnd(Math.ceil(text.length / 4) * 4, "="));
}

/** As object stores write it: base64url, filled up. */
function digestOf(bytes: Uint8Array): string {
  return `SHA-256=${createHash("sha256").update(bytes).digest("base64url")}=`;
}

function readMeta({ unreadable }: FileStreamDeps, found: FoundMessage): ObjectMeta | undefined {
  const meta = ObjectMeta.safeParse(parseStored(found.data)).data;
  if (meta === undefined) unreadable.note("record", found);
  return meta;
}

async function readChunks(
  { jsm }: FileStreamDeps,
  { nuid, chunks, size, digest }: ObjectMeta,
  behindSeq: number,
): Promise<Uint8Array | undefined> {
  const subject = subjects.fileChunk(nuid);
  const bytes = Buffer.allocUnsafe(size);
  let [seq, at] = [behindSeq, 0];
  for (let nth = 0; nth < chunks; nth++) {
    const found = await jsm.lookUp(streams.fileBytes, { seq: seq + 1, next_by_subj: subject });
    if (found === null || at + found.data.length > size) return undefined;
    bytes.set(found.data, at);
    [seq, at] = [found.seq, at + found.data.length];
  }
  return at === size && digestOf(bytes) === digest ? bytes : undefined;
}

async function listFrom(deps: FileStreamDeps, fromSeq: number) {
  const keys: StoredKey[] = [];
  let seq = fromSeq;
  while (keys.length < pageKeys) {
    const found = await deps.jsm.lookUp(streams.fileBytes, { seq, next_by_subj: subjects.fileMeta("*") });
    if (found === null) return { keys, next: undefined };
    seq = found.seq + 1;
    const meta = readMeta(deps, found);
    if (meta !== undefined) keys.push({ key: meta.name, storedMs: found.time.getTime() });
  }
  return { keys, next: String(seq - 1) };
}

async function purge({ jsm }: FileStreamDeps, filter: string): Promise<void> {
  await jsm.streams.purge(streams.fileBytes, { filter });
}

async function write({ append, setUpBytes }: FileStreamDeps, message: Append, deadline: number): Promise<void> {
  const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
  while (performance.now() < deadline) {
    const result = await append(message);
    if (result.kind === "stored" || isThere(result)) return;
    if (result.kind === "no room") throw fullStore(result.description);
    if (result.kind === "refused" && result.code !== anotherInProcess) throw new NoRoomError(result.description);
    if (result.kind === "too large") throw new EventTooLargeError(result);
    if (result.kind === "absent") await setUpBytes().catch(() => {});
    await sleep(backoff.nextMs());
  }
  throw new ChatError("OVERLOADED", { cause: new Error("a part of a file could not be stored") });
}

/** Its own, stored without an answer: no two writers have one key. One that is on its way to the copies may never be stored. */
function isThere(result: AppendResult): boolean {
  return result.kind === "refused" && result.code !== anotherInProcess && wrongLastSequence.has(result.code);
}

function fullStore(description: string): ChatError {
  const message = "There is no room for more files at the moment.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 60_000, cause: new Error(description) });
}
