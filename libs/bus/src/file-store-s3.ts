import { ChatError } from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { S3mini } from "s3mini";
import type { FileStore } from "./file-store.ts";

/** A bucket at a server that speaks S3. It is there already: nobody makes it. */
export interface S3Settings {
  /** With the bucket as its path: `https://s3.eu-central-1.amazonaws.com/parley`. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Before each key, so that a bucket may be shared. */
  readonly prefix: string;
}

/** Of one request. */
const requestMs = 10_000;
/** For which one is tried again. */
const patienceMs = 15_000;
const pageKeys = 500;
/** Pieces that are removed with one request. */
const removedAtOnce = 500;

/** At a server that speaks S3. The keys of an upload are never used twice, so a request may be made any number of times. */
export function createS3FileStore({ prefix, ...settings }: S3Settings): FileStore {
  const s3 = new S3mini({ ...settings, requestAbortTimeout: requestMs });
  return {
    kind: "s3",

    async put(key, bytes) {
      // Its own copy: the request reads it while the caller goes on.
      await persistently(() => s3.putObject(prefix + key, Buffer.from(bytes), "application/octet-stream"));
    },

    async get(key) {
      const found = await persistently(() => s3.getObjectArrayBuffer(prefix + key));
      return found === null ? undefined : new Uint8Array(found);
    },

    async remove(keys) {
      for (let at = 0; at < keys.length; at += removedAtOnce) {
        const names = keys.slice(at, at + removedAtOnce).map((key) => prefix + key);
        const removed = await persistently(() => s3.deleteObjects(names));
        if (removed.includes(false)) throw unanswered(new Error("the store of files did not remove some parts"));
      }
    },

    async list(after) {
      const page = await persistently(() => s3.listObjectsPaged("/", prefix, pageKeys, after));
      const keys = (page?.objects ?? []).map(({ Key, LastModified }) => ({
        key: Key.slice(prefix.length),
        storedMs: new Date(LastModified).getTime(),
      }));
      return { keys, next: page?.nextContinuationToken };
    },

    close() {},
  };
}

async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patienceMs;
  const backoff = createBackoff({ minMs: 50, maxMs: 2_000 });
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw unanswered(error);
    }
    await sleep(backoff.nextMs());
  }
}

function unanswered(cause: unknown): ChatError {
  const message = "The store of files cannot be reached at the moment. Try again shortly.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 5_000, cause });
}
