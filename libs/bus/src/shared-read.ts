import { parseEventSubject, streams, subjects, type ConversationId } from "@parley/protocol";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Read } from "./read-queue.ts";
import { addReadConsumer } from "./stream-consumer.ts";
import { collect, createCollection, readAll, type Collection } from "./stream-reading.ts";

interface Message {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
}

type ByConversation = Map<ConversationId, Message[]>;

/** Everything of a stream from one sequence up to another, as it was a moment ago. */
interface Part {
  readonly from: number;
  readonly to: number;
  bytes: number;
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
const keptMs = 2_000;
/** More than this is not kept. */
const kept = { messages: 100_000, bytes: 64 * 2 ** 20 };

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
    if (read.bytes > kept.bytes) return;
    part = read;
    coveredFrom = read.from;
    forgetting = setTimeout(forget, keptMs).unref();
  };

  /** What is being extended is nobody else's meanwhile. */
  const extend = async (fromSeq: number, newest: number): Promise<Part> => {
    const known = part !== undefined && part.to <= newest ? part : undefined;
    part = undefined;
    coveredFrom = Math.min(coveredFrom, fromSeq);
    const before = generation;
    const read = await (known === undefined
      ? scan(deps, { fromSeq, toSeq: newest })
      : extendPart(deps, known, { fromSeq, toSeq: newest }));
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
      const conversations = new Set(reads.map(({ conversation }) => conversation));
      const isMuch = toSeq - fromSeq > kept.messages;
      try {
        const read = isMuch ? await scan(deps, { fromSeq, toSeq, conversations }) : await extend(fromSeq, toSeq);
        return reads.map((one) => collectionOf(read, one));
      } catch (error) {
        forget();
        throw error;
      }
    },
  };
}

interface ScanRange {
  readonly fromSeq: number;
  readonly toSeq: number;
  /** Default: all. */
  readonly conversations?: ReadonlySet<ConversationId>;
}

/** What is missing before it and after it is read. */
async function extendPart(deps: SharedReadDeps, known: Part, { fromSeq, toSeq }: ScanRange): Promise<Part> {
  const below = fromSeq < known.from ? await scan(deps, { fromSeq, toSeq: known.from - 1 }) : undefined;
  const above = await scan(deps, { fromSeq: known.to + 1, toSeq });
  return join(below === undefined ? known : join(below, known), above);
}

/** There is a message at or above `toSeq`. */
async function scan({ link, jsm, shard }: SharedReadDeps, range: ScanRange): Promise<Part> {
  const { fromSeq, toSeq, conversations } = range;
  const part: Part = { from: fromSeq, to: Math.max(fromSeq - 1, toSeq), bytes: 0, byConversation: new Map() };
  if (toSeq < fromSeq) return part;
  const consumer = await addReadConsumer(jsm, { stream: streams.events(shard), fromSeq });
  try {
    await readAll(link, consumer.pull, ({ subject, data }, seq) => {
      const conversation = parseEventSubject(subject)?.conversation ?? "";
      const isWanted = seq <= toSeq && conversations?.has(conversation) !== false;
      if (isWanted) add(part, conversation, { subject, seq, data: data.slice() });
      return seq >= toSeq;
    });
  } finally {
    consumer.remove();
  }
  return part;
}

function add(part: Part, conversation: ConversationId, message: Message): void {
  const messages = part.byConversation.get(conversation);
  if (messages === undefined) part.byConversation.set(conversation, [message]);
  else messages.push(message);
  part.bytes += message.data.length + overheadBytes;
}

/** The second part follows the first one. */
function join(first: Part, second: Part): Part {
  for (const [conversation, messages] of second.byConversation) {
    const before = first.byConversation.get(conversation);
    if (before === undefined) first.byConversation.set(conversation, messages);
    else before.push(...messages);
  }
  return { ...first, to: second.to, bytes: first.bytes + second.bytes };
}

function collectionOf({ byConversation }: Part, { conversation, fromSeq, toSeq }: Read): Collection {
  const collection = createCollection(toSeq);
  for (const message of byConversation.get(conversation) ?? []) {
    if (message.seq >= fromSeq) collect(collection, message, message.seq);
  }
  return collection;
}
