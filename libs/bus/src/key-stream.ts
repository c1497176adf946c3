import {
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { KeyRecord, WrappedKey, encodeJson, parseStored, streams, subjects } from "@parley/protocol";
import type { Append, AppendResult } from "./appender.ts";
import { wholeStream, type FoundMessage, type LookupQuery } from "./direct-get.ts";
import type { StreamOptions } from "./stream-configs.ts";
import { ensureStream } from "./stream-setup.ts";

/** Makes the stream of wrapped keys, where something is encrypted. Nobody raises its settings. */
export async function setUpKeys(jsm: JetStreamManager, { replicas }: Pick<StreamOptions, "replicas">): Promise<void> {
  const config = {
    name: streams.keys,
    subjects: [subjects.allKeys, subjects.allToolKeys],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    // What goes is erased by its sequence, which overwrites it on disk; a limit would only let go of it.
    discard: DiscardPolicy.New,
    allow_direct: true,
  };
  await ensureStream(jsm, config, false);
}

/** `key`: undefined: it was erased. */
export interface StoredKey {
  readonly seq: number;
  readonly hash: string;
  readonly key: WrappedKey | undefined;
}

/** What of the streams it takes. */
export interface KeyStreamDeps {
  readonly jsm: {
    lookUp(stream: string, query: LookupQuery): Promise<FoundMessage | null>;
    readonly streams: { deleteMessage(stream: string, seq: number, erase?: boolean): Promise<boolean> };
  };
  readonly append: (message: Append) => Promise<AppendResult>;
  /** Makes the stream where it is missing. */
  readonly setUp: () => Promise<void>;
}

export type KeyStream = ReturnType<typeof createKeyStream>;

const messageNotFound = 10_037;

/** Wrapped data keys as the broker keeps them, by the hash of their scope. */
export function createKeyStream({ jsm, append, setUp }: KeyStreamDeps) {
  const read = (message: FoundMessage): StoredKey => {
    const hash = message.subject.split(".").at(-1) ?? "";
    const record = KeyRecord.safeParse(parseStored(message.data)).data;
    // Whatever it is: it is not for this version to say that the key is gone.
    if (record === undefined) throw new Error(`the key at ${message.seq} cannot be read`);
    const key = WrappedKey.safeParse(record).data;
    return { seq: message.seq, hash, key };
  };
  const last = async (hash: string): Promise<StoredKey | undefined> => {
    const query = { last_by_subj: subjects.key(hash) };
    const found = await jsm.lookUp(streams.keys, query).catch(async (error: unknown) => {
      // Somebody may have deleted the stream; the next question then has an answer.
      await setUp().catch(() => {});
      throw error;
    });
    return found === null ? undefined : read(found);
  };
  const put = async (hash: string, record: KeyRecord, behind: number): Promise<AppendResult> => {
    const message = { subject: subjects.key(hash), data: encodeJson(record), expect: behind };
    const result = await append(message);
    if (result.kind !== "absent") return result;
    await setUp();
    return append(message);
  };
  /** Overwrites it on disk. */
  const erase = async (seq: number): Promise<void> => {
    try {
      await jsm.streams.deleteMessage(streams.keys, seq, true);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== messageNotFound) throw error;
    }
  };
  return {
    last,
    put,
    erase,

    /** The next one from a sequence on; undefined: there is none. Also records that were replaced and not erased yet. */
    async next(fromSeq: number): Promise<StoredKey | undefined> {
      const found = await jsm.lookUp(streams.keys, { seq: fromSeq, next_by_subj: wholeStream });
      return found === null ? undefined : read(found);
    },

    /** Erases all there is of a key, and says that it was there. Can be repeated; throws when the broker does not answer. */
    async shred(hash: string): Promise<void> {
      const query = { seq: 1, next_by_subj: subjects.key(hash) };
      let found = await jsm.lookUp(streams.keys, query);
      if (found === null) return;
      for (; found !== null; found = await jsm.lookUp(streams.keys, query)) {
        if (KeyRecord.safeParse(parseStored(found.data)).data !== undefined && read(found).key === undefined) return;
        await erase(found.seq);
      }
      // Somebody may have made another one meanwhile: that is of what began anew.
      await put(hash, { v: 1, erased: true, ts: Date.now() }, 0);
    },
  };
}
