import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "@parley/runtime";
import { storedSubjectOf, type StoredMessage } from "./stored-message.ts";
import { placeOf } from "./stored-place.ts";
import type { Unreadable } from "./unreadable.ts";

export interface LiveSubscription {
  unsubscribe(): void;
}

/** Nearly always the messages of one turn follow each other: its subject is made once, and so is quick to compare. */
function createConversion() {
  let [live, stored] = ["", ""];
  return (message: Msg): StoredMessage => {
    const { subject, data } = message;
    if (subject !== live) [live, stored] = [subject, storedSubjectOf(subject)];
    const { seq, previous } = placeOf(message, data);
    return { subject: stored, seq, previous, data };
  };
}

const [open, close] = [0x7b, 0x7d];

/** As much as is looked at for every token: garbage mostly has no braces. */
function isWhole({ data }: StoredMessage): boolean {
  return data[0] === open && data[data.length - 1] === close;
}

/** Subscribes to live copies of stored events. Exceptions of the callback are logged: they would stop the connection's read loop for good. */
export function createLiveEvents(nc: NatsConnection, unreadable: Unreadable, log: Logger) {
  return (
    subject: string,
    onMessage: (message: StoredMessage) => void,
    options: { queue?: string } = {},
  ): LiveSubscription => {
    const storedMessageOf = createConversion();
    const subscription = nc.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        try {
          if (error !== null) throw error;
          const stored = storedMessageOf(message);
          if (!isWhole(stored)) unreadable.note("event", stored);
          if (stored.seq > 0) onMessage(stored);
        } catch (err) {
          log.error({ err, subject }, "a live event could not be handled");
        }
      },
    });
    return { unsubscribe: () => subscription.unsubscribe() };
  };
}
