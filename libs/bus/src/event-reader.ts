import { streams, subjects, type ConversationId } from "@parley/protocol";
import type { BrokerLink } from "./nats-connection.ts";
import { patiently, type PatientLookups } from "./patient-lookups.ts";
import { createReadQueue, type Read } from "./read-queue.ts";
import { readTogether } from "./shared-read.ts";
import type { StoredMessage } from "./stored-message.ts";
import { addReadConsumer } from "./stream-consumer.ts";
import { collect, createCollection, messagesOf, readAll, type Collection } from "./stream-reading.ts";

export interface ReadRange {
  /** First stream sequence wanted. */
  readonly fromSeq: number;
  /** Last stream sequence wanted; default: all there is now. */
  readonly toSeq?: number;
}

interface Stream {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly shard: number;
}

async function readOne({ link, jsm, shard }: Stream, { conversation, fromSeq, toSeq }: Read): Promise<Collection> {
  const stream = streams.events(shard);
  const filter = subjects.eventsOf(shard, conversation);
  const newest = await jsm.streams.getMessage(stream, { last_by_subj: filter });
  const collection = createCollection(toSeq);
  if (newest === null || newest.seq < fromSeq) return collection;
  // When there is a message at or above this, all have come.
  const untilSeq = Math.min(toSeq, newest.seq);
  const consumer = await addReadConsumer(jsm, { stream, filter, fromSeq });
  try {
    await readAll(link, consumer.pull, (message, seq) => {
      collect(collection, message, seq);
      return seq >= untilSeq;
    });
  } finally {
    consumer.remove();
  }
  return collection;
}

type ReadQueue = ReturnType<typeof createReadQueue>;

/** Reads the events of one conversation in order. Throws RangeTooLargeError, or when the broker is silent for 5 s. */
export function createEventReader(link: BrokerLink, jsm: PatientLookups) {
  const queues = new Map<number, ReadQueue>();

  const queueOf = (shard: number): ReadQueue => {
    let queue = queues.get(shard);
    if (queue === undefined) {
      const stream: Stream = { link, jsm, shard };
      queue = createReadQueue({
        readOne: (read) => patiently(() => readOne(stream, read)),
        readTogether: (reads) => patiently(() => readTogether(stream, reads)),
      });
      queues.set(shard, queue);
    }
    return queue;
  };

  return async (
    shard: number,
    conversation: ConversationId,
    { fromSeq, toSeq = Infinity }: ReadRange,
  ): Promise<StoredMessage[]> => messagesOf(await queueOf(shard)({ conversation, fromSeq, toSeq }));
}
