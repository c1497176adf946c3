import { patiently, type PatientLookups } from "./patient-lookups.ts";
import { AckPolicy, DeliverPolicy, ReplayPolicy, type ConsumerInfo } from "@nats-io/jetstream";
import { createInbox, nanos, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { streams, subjects, type ConversationId } from "@parley/protocol";
import { createGate } from "./gate.ts";
import type { StoredMessage } from "./stored-message.ts";

export interface ReadRange {
  /** First stream sequence wanted. */
  readonly fromSeq: number;
  /** Last stream sequence wanted; default: all there is now. */
  readonly toSeq?: number;
}

/** Reads scan the stream, so they are few at a time; the rest wait their turn. */
const concurrentReads = 12;
const idleMs = 5_000;
const maxMessages = 50_000;

interface Collection {
  readonly messages: StoredMessage[];
  readonly previous: Map<string, number>;
  readonly toSeq: number;
  /** There is a message at or above this: when it has come, all have. */
  readonly untilSeq: number;
}

/**
 * Takes one message in; returns whether that was all. The count of pending messages that comes along is not to be trusted: nats-server 2.9.10
 * counts too many for a filtered consumer that starts in mid-stream, so a reader that waits for zero waits for ever (seen).
 */
function take({ messages, previous, toSeq, untilSeq }: Collection, message: Msg): boolean {
  // $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
  const seq = Number((message.reply ?? "").split(".")[5]);
  if (seq <= toSeq) {
    const { subject } = message;
    messages.push({ subject, seq, previous: previous.get(subject) ?? 0, data: message.data.slice() });
    previous.set(subject, seq);
  }
  return seq >= untilSeq || messages.length >= maxMessages;
}

/** Collects what comes on an inbox. `complete` resolves with all of it, and rejects after 5 s of silence. */
function collect(nc: NatsConnection, toSeq: number, untilSeq: number) {
  const collection: Collection = { messages: [], previous: new Map(), toSeq, untilSeq };
  const inbox = createInbox();
  let beat: NodeJS.Timeout | undefined;
  let settle: { resolve: (messages: StoredMessage[]) => void; reject: (error: Error) => void };
  const complete = new Promise<StoredMessage[]>((resolve, reject) => (settle = { resolve, reject }));
  // It may be rejected while nobody waits for it yet.
  complete.catch(() => {});
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null) return settle.reject(error);
      beat?.refresh();
      if (take(collection, message)) settle.resolve(collection.messages);
    },
  });
  return {
    inbox,
    complete: (): Promise<StoredMessage[]> => {
      beat = setTimeout(() => settle.reject(new Error("reading the event stream timed out")), idleMs);
      return complete;
    },
    close(): void {
      clearTimeout(beat);
      subscription.unsubscribe();
    },
  };
}

/** A push consumer of its own: about three times as fast as the library's ordered consumer. */
function addConsumer(
  jsm: PatientLookups,
  stream: string,
  range: { filter: string; fromSeq: number; inbox: string },
): Promise<ConsumerInfo> {
  return jsm.consumers.add(stream, {
    deliver_subject: range.inbox,
    filter_subject: range.filter,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, range.fromSeq),
    ack_policy: AckPolicy.None,
    replay_policy: ReplayPolicy.Instant,
    inactive_threshold: nanos(10_000),
    mem_storage: true,
    num_replicas: 1,
  });
}

/** Reads the events of one conversation in order. Throws when the broker is silent for 5 s. */
export function createEventReader(nc: NatsConnection, jsm: PatientLookups) {
  const gate = createGate(concurrentReads);

  const read = async (shard: number, conversation: ConversationId, range: ReadRange): Promise<StoredMessage[]> => {
    const { fromSeq, toSeq = Infinity } = range;
    const stream = streams.events(shard);
    const filter = subjects.eventsOf(shard, conversation);
    const newest = await jsm.streams.getMessage(stream, { last_by_subj: filter });
    if (newest === null || newest.seq < fromSeq) return [];
    const collection = collect(nc, toSeq, Math.min(toSeq, newest.seq));
    try {
      const { name } = await addConsumer(jsm, stream, { filter, fromSeq, inbox: collection.inbox });
      const messages = await collection.complete();
      // Not waited for: it ends by itself after its inactive threshold.
      void jsm.consumers.delete(stream, name).catch(() => false);
      return messages;
    } finally {
      collection.close();
    }
  };

  return (shard: number, conversation: ConversationId, range: ReadRange): Promise<StoredMessage[]> =>
    gate(() => patiently(() => read(shard, conversation, range)));
}
