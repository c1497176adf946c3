import { createInbox, nanos, type Msg, type MsgHdrs } from "@nats-io/transport-node";
import { encodeJson } from "@parley/protocol";
import { parseAckSubject } from "./ack-subject.ts";
import type { BrokerLink } from "./nats-connection.ts";
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
/** What is under way to one reader at a time. No single event is larger. */
const portion = { batch: 2_000, max_bytes: 2 ** 21, expires: nanos(idleMs) };
const statusCodes = 400;
const [noMessages, timedOut, conflict] = [404, 408, 409];
/** Portions in a row that brought nothing, after which a reading has failed: it is asked again by who wants it, and not at once. */
const maxEmpty = 3;

/** Nobody should want so many events: a snapshot says the same. Trying again does not help. */
export class RangeTooLargeError extends Error {
  override readonly name = "RangeTooLargeError";
}

export function createCollection(toSeq: number): Collection {
  return { messages: [], previous: new Map(), toSeq, bytes: 0 };
}

/** One that is read. Its data is only borrowed. */
export type ReadMessage = Pick<Msg, "subject" | "data">;

/** Gets one after the other; `storedMs` is the broker's clock. Returns whether that was the last one that is wanted. */
export type Take = (message: ReadMessage, seq: number, storedMs: number) => boolean;

/** Puts a message into the collection, if it is wanted and there is room. Its data is kept. */
export function collect(collection: Collection, { subject, data }: ReadMessage, seq: number): void {
  const { messages, previous, toSeq } = collection;
  if (seq > toSeq) return;
  collection.bytes += data.length;
  if (collection.bytes > maxBytes) return;
  messages.push({ subject, seq, previous: previous.get(subject) ?? 0, data });
  previous.set(subject, seq);
}

/** Throws RangeTooLargeError when it is not whole. */
export function messagesOf({ messages, bytes }: Collection): StoredMessage[] {
  if (bytes > maxBytes) throw new RangeTooLargeError("the conversation has more events than can be read at once");
  return messages;
}

/**
 * Asks a pull consumer for its messages, one portion after the other, until `take` says that one was the last; then `read` resolves. It
 * rejects when `take` throws, after 5 s of silence, when the consumer is gone (its server died, or it was deleted), and when the connection
 * breaks: what the broker had sent by then is not sent again. The count of pending messages that comes with a message is not used: nats-server
 * 2.9.10 counts too many for a filtered consumer that starts in mid-stream, so a reader that waits for zero waits for ever (seen).
 */
export async function readAll({ nc, onDisconnect }: BrokerLink, pull: string, take: Take): Promise<void> {
  const inbox = createInbox();
  const inOrder = createOrder(take);
  let empty = 0;
  let settle: { resolve: () => void; reject: (error: unknown) => void };
  const complete = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  const beat = setTimeout(() => settle.reject(new Error("reading the event stream timed out")), idleMs);
  const forget = onDisconnect(() => settle.reject(new Error("the connection broke")));
  const ask = (): void => nc.publish(pull, encodeJson(portion), { reply: inbox });

  const receive = (message: Msg): void => {
    // What is stored has headers as well, which nobody needs: to read them would take longer than all else.
    const headers = isDelivery(message) ? undefined : message.headers;
    if (headers !== undefined && headers.code >= statusCodes) {
      // Brokers from 2.10 on say so of each that has brought all its messages: the next one is under way.
      if (isComplete(headers)) return;
      if (!isPortionOver(headers) || ++empty > maxEmpty) throw new Error(`reading was refused: ${headers.status}`);
      return ask();
    }
    beat.refresh();
    empty = 0;
    const before = inOrder.taken();
    if (inOrder.add(message)) settle.resolve();
    else if (Math.floor(inOrder.taken() / portion.batch) > Math.floor(before / portion.batch)) ask();
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
  try {
    ask();
    await complete;
  } finally {
    clearTimeout(beat);
    forget();
    subscription.unsubscribe();
  }
}

/** Else it says something of the consumer. */
function isDelivery({ reply }: Msg): boolean {
  return reply !== undefined && reply !== "";
}

function isComplete({ code, description }: MsgHdrs): boolean {
  return code === conflict && /batch completed/i.test(description);
}

/** The next message would have been too many bytes, or none came in time. Anything else (503: no such consumer) asking again does not mend. */
function isPortionOver({ code, description }: MsgHdrs): boolean {
  return code === noMessages || code === timedOut || (code === conflict && description.includes("MaxBytes"));
}

/**
 * Gives messages on in the order in which the consumer sent them. They nearly always come so; one that another has overtaken is waited for, as that
 * is cheaper than to begin anew.
 */
function createOrder(take: Take) {
  const early = new Map<number, ReadMessage & { readonly seq: number; readonly storedMs: number }>();
  let taken = 0;
  return {
    taken: (): number => taken,

    /** Whether `take` says that one was the last. */
    add(message: Msg): boolean {
      const { seq, nth, storedMs } = parseAckSubject(message.reply ?? "");
      if (nth !== taken + 1) {
        if (early.size >= portion.batch) throw new Error("a part of the event stream was lost on the way");
        early.set(nth, { subject: message.subject, data: message.data.slice(), seq, storedMs });
        return false;
      }
      taken++;
      if (take(message, seq, storedMs)) return true;
      for (let next = early.get(taken + 1); next !== undefined; next = early.get(taken + 1)) {
        early.delete(++taken);
        if (take(next, next.seq, next.storedMs)) return true;
      }
      return false;
    },
  };
}
