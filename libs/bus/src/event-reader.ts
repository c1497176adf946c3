import { AckPolicy, DeliverPolicy, ReplayPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { createInbox, nanos, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { streams, subjects, type ConversationId } from "@parley/protocol";
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

interface Reading {
  readonly messages: StoredMessage[];
  readonly previous: Map<string, number>;
  readonly toSeq: number;
}

/** Returns whether the reading is over. */
function take(reading: Reading, message: Msg): boolean {
  // $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
  const tokens = (message.reply ?? "").split(".");
  const seq = Number(tokens[5]);
  const pending = Number(tokens[8]);
  if (seq <= reading.toSeq) {
    const previous = reading.previous.get(message.subject) ?? 0;
    reading.previous.set(message.subject, seq);
    reading.messages.push({ subject: message.subject, seq, previous, data: message.data.slice() });
  }
  return pending === 0 || seq >= reading.toSeq || reading.messages.length >= maxMessages;
}

/**
 * Reads the events of one conversation in order, through a short-lived push consumer (about three times as fast as the library's ordered
 * consumer). Throws when the broker is silent for 5 s.
 */
export function createEventReader(nc: NatsConnection, jsm: JetStreamManager) {
  let running = 0;
  const queue: (() => void)[] = [];
  const enter = (): Promise<void> | void => {
    if (running++ >= concurrentReads) return new Promise((resolve) => queue.push(resolve));
  };
  const leave = (): void => {
    running--;
    queue.shift()?.();
  };

  const readNow = async (
    shard: number,
    conversation: ConversationId,
    { fromSeq, toSeq = Infinity }: ReadRange,
  ): Promise<StoredMessage[]> => {
    const reading: Reading = { messages: [], previous: new Map(), toSeq };
    const inbox = createInbox();
    let beat: NodeJS.Timeout | undefined;
    let settle: { resolve: () => void; reject: (error: Error) => void } = { resolve() {}, reject() {} };
    const done = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
    // It may be rejected while the consumer is still being made.
    done.catch(() => {});
    const fail = (): void => settle.reject(new Error("reading the event stream timed out"));
    const subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) return settle.reject(error);
        beat?.refresh();
        if (take(reading, message)) settle.resolve();
      },
    });
    try {
      const stream = streams.events(shard);
      const info = await jsm.consumers.add(stream, {
        deliver_subject: inbox,
        filter_subject: subjects.eventsOf(shard, conversation),
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: Math.max(1, fromSeq),
        ack_policy: AckPolicy.None,
        replay_policy: ReplayPolicy.Instant,
        inactive_threshold: nanos(10_000),
        mem_storage: true,
        num_replicas: 1,
      });
      if (info.num_pending + info.delivered.consumer_seq > 0) {
        beat = setTimeout(fail, idleMs);
        await done;
      }
      void jsm.consumers.delete(stream, info.name).catch(() => {
        // It ends by itself after its inactive threshold.
      });
    } finally {
      clearTimeout(beat);
      subscription.unsubscribe();
    }
    return reading.messages;
  };

  return async (shard: number, conversation: ConversationId, range: ReadRange): Promise<StoredMessage[]> => {
    await enter();
    try {
      return await readNow(shard, conversation, range);
    } finally {
      leave();
    }
  };
}
