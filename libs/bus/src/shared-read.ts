import { parseEventSubject, streams, subjects, type ConversationId } from "@parley/protocol";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Read } from "./read-queue.ts";
import { addReadConsumer } from "./stream-consumer.ts";
import { collect, createCollection, readAll, type Collection, type ReadMessage } from "./stream-reading.ts";

/** Reads a part of a stream once for many readers; their results come in their order. Throws when the broker is silent for 5 s. */
export async function readTogether(
  { link, jsm, shard }: { link: BrokerLink; jsm: PatientLookups; shard: number },
  reads: readonly Read[],
): Promise<Collection[]> {
  const stream = streams.events(shard);
  const collections = reads.map(({ toSeq }) => createCollection(toSeq));
  const fromSeq = Math.min(...reads.map((read) => read.fromSeq));
  const newest = await jsm.streams.getMessage(stream, { last_by_subj: subjects.allEvents(shard) });
  if (newest === null || newest.seq < fromSeq) return collections;

  const distribute = createDistributor(reads, collections);
  const consumer = await addReadConsumer(jsm, { stream, fromSeq });
  try {
    await readAll(link, consumer.pull, (message, seq) => {
      distribute(message, seq);
      return seq >= newest.seq;
    });
  } finally {
    consumer.remove();
  }
  return collections;
}

interface Reader {
  readonly fromSeq: number;
  readonly collection: Collection;
}

/** Gives each message to those who read its conversation. */
function createDistributor(reads: readonly Read[], collections: readonly Collection[]) {
  const readersOf = new Map<ConversationId, Reader[]>();
  for (const [i, { conversation, fromSeq }] of reads.entries()) {
    const collection = collections[i];
    const readers = readersOf.get(conversation) ?? [];
    if (collection !== undefined) readersOf.set(conversation, [...readers, { fromSeq, collection }]);
  }
  return (message: ReadMessage, seq: number): void => {
    const conversation = parseEventSubject(message.subject)?.conversation ?? "";
    for (const reader of readersOf.get(conversation) ?? []) {
      if (seq >= reader.fromSeq) collect(reader.collection, message, seq);
    }
  };
}
