import { streams, subjects, type ConversationId } from "@parley/protocol";
import type { BrokerLink } from "./nats-connection.ts";
import { patiently, type PatientLookups } from "./patient-lookups.ts";
import { createReadQueue, type Read } from "./read-queue.ts";
import { createSharedReading, type SharedReading } from "./shared-read.ts";
import type { Opening } from "./opening.ts";
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
      collect(collection, { subject: message.subject, data: message.data.slice() }, seq);
      return seq >= untilSeq;
    });
  } finally {
    consumer.remove();
  }
  return collection;
}

interface Reading {
  readonly shared: SharedReading;
  readonly read: ReturnType<typeof createReadQueue>;
}

/** Reads event streams. */
export function createEventReader(link: BrokerLink, jsm: PatientLookups, opening: Pick<Opening, "all">) {
  const readings = new Map<number, Reading>();
  const forgetShared = (): void => readings.forEach(({ shared }) => shared.forget());
  link.onDisconnect(forgetShared);

  const readingOf = (shard: number): Reading => {
    let reading = readings.get(shard);
    if (reading === undefined) {
      const stream: Stream = { link, jsm, shard };
      const shared = createSharedReading(stream);
      const read = createReadQueue({
        readOne: (one) => patiently(() => readOne(stream, one)),
        readTogether: (reads) => patiently(() => shared.read(reads)),
        covers: shared.covers,
      });
      reading = { shared, read };
      readings.set(shard, reading);
    }
    return reading;
  };

  return {
    /** The events of one conversation, in order. Throws RangeTooLargeError, or when the broker is silent for 5 s. */
    read: async (
      shard: number,
      conversation: ConversationId,
      { fromSeq, toSeq = Infinity }: ReadRange,
    ): Promise<StoredMessage[]> =>
      // Each reader opens for itself: what they share is as the stream has it.
      opening.all(messagesOf(await readingOf(shard).read({ conversation, fromSeq, toSeq }))),

    /** Something was deleted: what was read for many a moment ago is not given to others any more. */
    forgetShared,
  };
}
