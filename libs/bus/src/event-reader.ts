import type { NatsConnection } from "@nats-io/transport-node";
import { streams, subjects, type ConversationId } from "@parley/protocol";
import { patiently, type PatientLookups } from "./patient-lookups.ts";
import { createReadQueue, type Read } from "./read-queue.ts";
import { readTogether } from "./shared-read.ts";
import type { StoredMessage } from "./stored-message.ts";
import { addReadConsumer } from "./stream-consumer.ts";
import { collect, createCollection, messagesOf, openStreamInbox, type Collection } from "./stream-inbox.ts";

export interface ReadRange {
  /** First stream sequence wanted. */
  readonly fromSeq: number;
  /** Last stream sequence wanted; default: all there is now. */
  readonly toSeq?: number;
}

interface Stream {
  readonly nc: NatsConnection;
  readonly jsm: PatientLookups;
  readonly shard: number;
}

async function readOne({ nc, jsm, shard }: Stream, { conversation, fromSeq, toSeq }: Read): Promise<Collection> {
  const stream = streams.events(shard);
  const filter = subjects.eventsOf(shard, conversation);
  const newest = await jsm.streams.getMessage(stream, { last_by_subj: filter });
  const collection = createCollection(toSeq);
  if (newest === null || newest.seq < fromSeq) return collection;
  // When there is a message at or above this, all have come.
  const untilSeq = Math.min(toSeq, newest.seq);
  const inbox = openStreamInbox(nc, (message, seq) => {
    collect(collection, message, seq);
    return seq >= untilSeq;
  });
  try {
    const { name } = await addReadConsumer(jsm, stream, { filter, fromSeq, inbox: inbox.inbox });
    await inbox.complete();
    // Not waited for: it ends by itself after its inactive threshold.
    void jsm.consumers.delete(stream, name).catch(() => false);
    return collection;
  } finally {
    inbox.close();
  }
}

type ReadQueue = ReturnType<typeof createReadQueue>;

/** Reads the events of one conversation in order. Throws RangeTooLargeError, or when the broker is silent for 5 s. */
export function createEventReader(nc: NatsConnection, jsm: PatientLookups) {
  const queues = new Map<number, ReadQueue>();

  const queueOf = (shard: number): ReadQueue => {
    let queue = queues.get(shard);
    if (queue === undefined) {
      const stream: Stream = { nc, jsm, shard };
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
