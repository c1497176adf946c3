import { jetstreamManager, RetentionPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { streams, type WrappedKey } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { createAppender, wrongLastSequence } from "./appender.ts";
import { wholeStream } from "./direct-get.ts";
import { createKeyStream, type KeyStream, type StoredKey } from "./key-stream.ts";
import { MasterKeyMissingError, type MasterKeys } from "./master-keys.ts";
import type { BrokerLink } from "./nats-connection.ts";
import { createOutbox } from "./outbox.ts";
import { askTimeoutMs, createPatientLookups } from "./patient-lookups.ts";
import { createRequests } from "./requests.ts";
import { isSealed } from "./seal-format.ts";
import { createSealPlaces } from "./seal-places.ts";
import { addReadConsumer } from "./stream-consumer.ts";
import { readAll } from "./stream-reading.ts";

/** What became of the data keys. */
export interface RewrapReport {
  looked: number;
  rewrapped: number;
  /** Already wrapped by what counts. */
  current: number;
  /** Another process was quicker, or it was deleted meanwhile. */
  changed: number;
  /** By master keys, those that could not be unwrapped. */
  readonly failed: Map<string, number>;
}

export interface KeyCensus {
  /** Data keys by the master key that wraps them. */
  readonly masters: Map<string, number>;
  /** Scopes whose key was erased. */
  erased: number;
}

/** How much of a stream is sealed. What has no words and is never sealed is not counted. */
export interface StreamCensus {
  readonly stream: string;
  readonly sealed: number;
  readonly plain: number;
}

export interface KeyTools {
  /** Goes through all data keys and wraps those anew whose master key does not count any more. Can be stopped and begun again. */
  rewrap(
    masters: MasterKeys,
    options: { readonly signal: AbortSignal; readonly onKey: (report: RewrapReport) => void },
  ): Promise<RewrapReport>;
  keys(): Promise<KeyCensus>;
  /** Reads every stream that may have people's words, once. */
  messages(onStream: (census: StreamCensus) => void): Promise<StreamCensus[]>;
  close(): void;
}

/** At a time: a service of keys is asked twice for each. */
const atOnce = 8;

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** The data keys of the stream, the newest record of each; what was replaced and is still there is erased on the way. */
async function* allKeys(stream: KeyStream): AsyncGenerator<StoredKey> {
  for (let seq = 1; ;) {
    const found = await stream.next(seq);
    if (found === undefined) return;
    seq = found.seq + 1;
    yield found;
  }
}

function createRewrapOne(stream: KeyStream, masters: MasterKeys) {
  /** Behind the record that was read: whoever erased it meanwhile has the last word. */
  const replace = async ({ hash, seq }: StoredKey, key: WrappedKey): Promise<boolean> => {
    const place = { tenant: key.tenant, hash };
    const secret = await masters.unwrap(key, place);
    if (secret === undefined) throw new MasterKeyMissingError(key.master);
    const record = { ...key, ...(await masters.wrap(secret, place)) };
    const result = await stream.put(hash, record, seq);
    if (result.kind === "stored") await stream.erase(seq);
    else if (result.kind !== "refused" || !wrongLastSequence.has(result.code))
      throw new Error("the broker did not store a data key");
    return result.kind === "stored";
  };
  return async (stored: StoredKey, report: RewrapReport): Promise<void> => {
    report.looked++;
    const { key, hash } = stored;
    if (key === undefined) return;
    const newest = await stream.last(hash);
    if (newest?.seq !== stored.seq) {
      // One that was stored before this was killed, and not erased.
      if (newest !== undefined) await stream.erase(stored.seq);
      return;
    }
    if (await masters.isCurrent(key, { tenant: key.tenant, hash })) return void report.current++;
    try {
      if (await replace(stored, key)) report.rewrapped++;
      else report.changed++;
    } catch (error) {
      if (!(error instanceof MasterKeyMissingError)) throw error;
      count(report.failed, key.master);
    }
  };
}

/** Those that may have people's words and are there. */
async function namesOf(manager: JetStreamManager): Promise<string[]> {
  const names: string[] = [];
  const others = new Set<string>([streams.keys, streams.gate, streams.usage, streams.tokens, streams.connections]);
  for await (const name of manager.streams.names()) {
    if (!others.has(name) && !name.includes(".") && !/^(OBJ|KV)_/.test(name)) names.push(name);
  }
  return names.toSorted();
}

type Lookups = ReturnType<typeof createPatientLookups>;
type OnMessage = (subject: string, data: Uint8Array) => void;

/** A work queue takes no reader beside its workers, so its messages are asked for one by one. It holds only what waits or runs. */
async function readQueue(jsm: Lookups, stream: string, onMessage: OnMessage): Promise<void> {
  for (let seq = 1; ;) {
    const found = await jsm.lookUp(stream, { seq, next_by_subj: wholeStream });
    if (found === null) return;
    onMessage(found.subject, found.data);
    seq = found.seq + 1;
  }
}

/** Ends by counting: `last_seq` also counts what was deleted, and 2.9.10 finds no last message where the newest was. */
async function readStream(link: BrokerLink, jsm: Lookups, stream: string, onMessage: OnMessage): Promise<void> {
  const { config, state } = await jsm.streams.info(stream);
  if (state.messages === 0) return;
  if (config.retention === RetentionPolicy.Workqueue) return readQueue(jsm, stream, onMessage);
  const consumer = await addReadConsumer(jsm, { stream, fromSeq: state.first_seq });
  let [taken, lastSeq] = [0, 0];
  try {
    await readAll(link, consumer.pull, ({ subject, data }, seq) => {
      onMessage(subject, data);
      lastSeq = seq;
      return ++taken >= state.messages || seq >= state.last_seq;
    });
  } catch (error) {
    // Some went while it read, and nothing comes in their place: that is the end as well.
    if ((await jsm.lookUp(stream, { seq: lastSeq + 1, next_by_subj: wholeStream })) !== null) throw error;
  } finally {
    consumer.remove();
  }
}

async function censusOf(link: BrokerLink, jsm: Lookups, stream: string): Promise<StreamCensus> {
  const placeOf = createSealPlaces();
  let [sealed, plain] = [0, 0];
  await readStream(link, jsm, stream, (subject, data) => {
    if (placeOf(subject) === undefined) return;
    if (isSealed(data)) sealed++;
    else plain++;
  });
  return { stream, sealed, plain };
}

/** For people who look after keys. Needs the rights of the operator. `close` leaves the connection to whoever made it. */
export async function openKeyTools(link: BrokerLink, log: Logger): Promise<KeyTools> {
  const manager = await jetstreamManager(link.nc, { checkAPI: false, timeout: askTimeoutMs });
  const outbox = createOutbox();
  const requests = createRequests(link, outbox, log);
  const jsm = createPatientLookups(manager, requests, { replicas: 1 });
  const appender = createAppender(link, outbox, { log, restore: async () => {} });
  const stream = createKeyStream({ jsm, append: appender.append, setUp: async () => {} });
  return {
    async rewrap(masters, { signal, onKey }) {
      const report: RewrapReport = { looked: 0, rewrapped: 0, current: 0, changed: 0, failed: new Map() };
      const rewrapOne = createRewrapOne(stream, masters);
      const running = new Set<Promise<void>>();
      for await (const stored of allKeys(stream)) {
        if (signal.aborted) break;
        const one = rewrapOne(stored, report)
          .then(() => onKey(report))
          .finally(() => running.delete(one));
        running.add(one);
        if (running.size >= atOnce) await Promise.race(running);
      }
      await Promise.all(running);
      return report;
    },

    async keys() {
      const census: KeyCensus = { masters: new Map(), erased: 0 };
      for await (const { key } of allKeys(stream)) {
        if (key === undefined) census.erased++;
        else count(census.masters, key.tenant === undefined ? key.master : `${key.master} (${key.tenant})`);
      }
      return census;
    },

    async messages(onStream) {
      const all: StreamCensus[] = [];
      for (const name of await namesOf(manager)) {
        const census = await censusOf(link, jsm, name);
        onStream(census);
        all.push(census);
      }
      return all;
    },

    close() {
      outbox.close();
      appender.close();
      requests.close();
    },
  };
}
