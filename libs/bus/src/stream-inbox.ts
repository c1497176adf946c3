import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import type { StoredMessage } from "./stored-message.ts";

/** What a reader has so far. */
export interface Collection {
  readonly messages: StoredMessage[];
  readonly previous: Map<string, number>;
  readonly toSeq: number;
  bytes: number;
}

/** Silence of the broker after which a reading has failed. */
const idleMs = 5_000;
/** The longest turn has some 25,000 events (10 min at 40 appends a second) and 6 MB; eight of them may be in a conversation's queue. */
const maxBytes = 64 * 2 ** 20;
/** Status of heartbeats and of requests to say that we keep up. */
const controlStatus = 100;

/** Nobody should want so many events: a snapshot says the same. Trying again does not help. */
export class RangeTooLargeError extends Error {
  override readonly name = "RangeTooLargeError";
}

export function createCollection(toSeq: number): Collection {
  return { messages: [], previous: new Map(), toSeq, bytes: 0 };
}

/** Copies a message into the collection, if it is wanted and there is room. */
export function collect(collection: Collection, { subject, data }: Msg, seq: number): void {
  const { messages, previous, toSeq } = collection;
  if (seq > toSeq) return;
  collection.bytes += data.length;
  if (collection.bytes > maxBytes) return;
  messages.push({ subject, seq, previous: previous.get(subject) ?? 0, data: data.slice() });
  previous.set(subject, seq);
}

/** Throws RangeTooLargeError when it is not whole. */
export function messagesOf({ messages, bytes }: Collection): StoredMessage[] {
  if (bytes > maxBytes) throw new RangeTooLargeError("the conversation has more events than can be read at once");
  return messages;
}

/**
 * An inbox for a push consumer. `take` says whether a message was the last one; then `complete` resolves. It rejects when `take` throws, after
 * 5 s of silence, and when a message is missing: what the broker had sent when a connection broke is not sent again, and the consumer goes on
 * behind that on the next connection. The count of pending messages that comes with a message is not used: nats-server 2.9.10 counts too many
 * for a filtered consumer that starts in mid-stream, so a reader that waits for zero waits for ever (seen).
 */
export function openStreamInbox(nc: NatsConnection, take: (message: Msg, seq: number) => boolean) {
  const inbox = createInbox();
  let delivered = 0;
  let beat: NodeJS.Timeout | undefined;
  let settle: { resolve: () => void; reject: (error: unknown) => void };
  const complete = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  // It may be rejected while nobody waits for it yet.
  complete.catch(() => {});

  const receive = (message: Msg): void => {
    if (message.data.length === 0 && message.headers?.code === controlStatus) return keepUp(nc, message);
    beat?.refresh();
    const { seq, nth } = placeOf(message);
    delivered++;
    if (nth !== delivered) throw new Error("a part of the event stream was lost on the way");
    if (take(message, seq)) settle.resolve();
  };
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      try {
        if (error !== null) throw error;
        receive(message);
      } catch (failure) {
        settle.reject(failure);
      }
    },
  });
  return {
    inbox,
    complete(): Promise<void> {
      beat = setTimeout(() => settle.reject(new Error("reading the event stream timed out")), idleMs);
      return complete;
    },
    close(): void {
      clearTimeout(beat);
      subscription.unsubscribe();
    },
  };
}

/** The broker sends no more until it has heard that what it sent was read. */
function keepUp(nc: NatsConnection, { reply, headers }: Msg): void {
  const stalled = headers?.get("Nats-Consumer-Stalled") ?? "";
  if (reply !== undefined && reply !== "") nc.publish(reply);
  else if (stalled !== "") nc.publish(stalled);
}

/** From `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`. */
function placeOf({ reply = "" }: Msg): { seq: number; nth: number } {
  const [, , , , , seq, nth] = reply.split(".");
  return { seq: Number(seq), nth: Number(nth) };
}
