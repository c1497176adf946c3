import { parseEventSubject, streams, subjects, type ConversationId } from "@parley/protocol";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Read } from "./read-queue.ts";
import { addReadConsumer } from "./stream-consumer.ts";
import { collect, createCollection, readAll, type Collection, type ReadMessage } from "./stream-reading.ts";

interface Message {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
}

type ByConversation = Map<ConversationId, Message[]>;

/** Everything of a stream from one sequence up to another, as it was a moment ago. */
interface Part {
  /** When the oldest of it was read, a `performance.now`. */
  readonly readMs: number;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly byConversation: ByConversation;
}

export interface SharedReadDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly shard: number;
}

/** Of one message, beside its content. */
const overheadBytes = 256;
/** So long after its last reader what was scanned is kept: readers that come one after the other have most of it in common. */
const keptMs = 500;
/** No longer than this, whoever reads: a deletion of which nobody hears is seen by then. */
const longestKeptMs = 5_000;
/** Of more than this only what is asked for is taken. */
const kept = { messages: 100_000, bytes: 64 * 2 ** 20 };

class TooMuchError extends Error {}

export type SharedReading = ReturnType<typeof createSharedReading>;

/**
 * Reads a part of a stream once for many readers: for those that ask together, and for those that ask soon after them, who need only what has been
 * stored since. One call at a time.
 */
export function createSharedReading(deps: SharedReadDeps) {
  let part: Part | undefined;
  let coveredFrom = Infinity;
  let generation = 0;
  let forgetting: NodeJS.Timeout | undefined;

  const forget = (): void => {
    part = undefined;
    coveredFrom = Infinity;
    generation++;
    clearTimeout(forgetting);
  };

  const keep = (read: Part): void => {
    forget();
    part = read;
    coveredFrom = read.from;
    forgetting = setTimeout(forget, keptMs).unref();
  };

  /** What is being extended is nobody else's meanwhile. */
  const extend = async (fromSeq: number, newest: number): Promise<Part> => {
    const isYoung = part !== undefined && performance.now() - part.readMs < longestKeptMs;
    const known = isYoung && part !== undefined && part.to <= newest ? part : undefined;
    part = undefined;
    coveredFrom = Math.min(coveredFrom, fromSeq);
    const before = generation;
    const range = { fromSeq, toSeq: newest };
    const read = await (known === undefined ? scanAll(deps, range) : extendPart(deps, known, range));
    if (generation === before) keep(read);
    return read;
  };

  return {
    /** What was scanned may be no more: something was deleted, or the broker was away. */
    forget,

    /** Whether a reader that begins there needs only what has been stored since the last scan. */
    covers: (fromSeq: number): boolean => fromSeq >= coveredFrom,

    /** The results are in the order of the reads. Throws when the broker is silent for 5 s. */
    async read(reads: readonly Read[]): Promise<Collection[]> {
      const fromSeq = Math.min(...reads.map((read) => read.fromSeq));
      const { shard, jsm } = deps;
      const newest = await jsm.streams.getMessage(streams.events(shard), { last_by_subj: subjects.allEvents(shard) });
      const toSeq = newest?.seq ?? 0;
      if (toSeq - fromSeq > kept.messages) return scanFor(deps, reads, { fromSeq, toSeq });
      try {
        const read = await extend(fromSeq, toSeq);
        return reads.map((one) => collectionOf(read, one));
      } catch (error) {
        forget();
        if (error instanceof TooMuchError) return scanFor(deps, reads, { fromSeq, toSeq });
        throw error;
      }
    },
  };
}

interface ScanRange {
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** What is missing before it and after it is read. */
async function extendPart(deps: SharedReadDeps, known: Part, { fromSeq, toSeq }: ScanRange): Promise<Part> {
  const below = fromSeq < known.from ? await scanAll(deps, { fromSeq, toSeq: known.from - 1 }) : undefined;
  const above = await scanAll(deps, { fromSeq: known.to + 1, toSeq });
  return join(below === undefined ? known : join(below, known), above);
}

/** There is a message at or above `toSeq`. */
async function scan(
  { link, jsm, shard }: SharedReadDeps,
  { fromSeq, toSeq }: ScanRange,
  take: (conversation: ConversationId, message: ReadMessage, seq: number) => void,
): Promise<void> {
  if (toSeq < fromSeq) return;
  const consumer = await addReadConsumer(jsm, { stream: streams.events(shard), fromSeq });
  try {
    await readAll(link, consumer.pull, (message, seq) => {
      if (seq <= toSeq) take(parseEventSubject(message.subject)?.conversation ?? "", message, seq);
      return seq >= toSeq;
    });
  } finally {
    consumer.remove();
  }
}

/** Takes everything. Throws TooMuchError. */
async function scanAll(deps: SharedReadDeps, range: ScanRange): Promise<Part> {
  const byConversation: ByConversation = new Map();
  let bytes = 0;
  const readMs = performance.now();
  await scan(deps, range, (conversation, { subject, data }, seq) => {
    bytes += data.length + overheadBytes;
    if (bytes > kept.bytes) throw new TooMuchError();
    const messages = byConversation.get(conversation);
    const message = { subject, seq, data: data.slice() };
    if (messages === undefined) byConversation.set(conversation, [message]);
    else messages.push(message);
  });
  return { readMs, from: range.fromSeq, to: Math.max(range.fromSeq - 1, range.toSeq), bytes, byConversation };
}

/** Takes what is asked for; each reader has its bound. */
async function scanFor(deps: SharedReadDeps, reads: readonly Read[], range: ScanRange): Promise<Collection[]> {
  const collections = reads.map(({ toSeq }) => createCollection(toSeq));
  const readersOf = new Map<ConversationId, { readonly fromSeq: number; readonly collection: Collection }[]>();
  for (const [i, { conversation, fromSeq }] of reads.entries()) {
    const collection = collections[i];
    const readers = readersOf.get(conversation) ?? [];
    if (collection !== undefined) readersOf.set(conversation, [...readers, { fromSeq, collection }]);
  }
  await scan(deps, range, (conversation, { subject, data }, seq) => {
    for (const { fromSeq, collection } of readersOf.get(conversation) ?? []) {
      if (seq >= fromSeq) collect(collection, { subject, data: data.slice() }, seq);
    }
  });
  return collections;
}

/** The second part follows the first one. */
function join(first: Part, second: Part): Part {
  for (const [conversation, messages] of second.byConversation) {
    const before = first.byConversation.get(conversation);
    if (before === undefined) first.byConversation.set(conversation, messages);
    else before.push(...messages);
  }
  const bytes = first.bytes + second.bytes;
  if (bytes > kept.bytes) throw new TooMuchError();
  return { ...first, readMs: Math.min(first.readMs, second.readMs), to: second.to, bytes };
}

function collectionOf({ byConversation }: Part, { conversation, fromSeq, toSeq }: Read): Collection {
  const collection = createCollection(toSeq);
  for (const message of byConversation.get(conversation) ?? []) {
    if (message.seq >= fromSeq) collect(collection, message, message.seq);
  }
  return collection;
}
