import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "@parley/runtime";
import { isSealed } from "./seal-format.ts";
import { storedSubjectOf, type StoredMessage } from "./stored-message.ts";
import { placeOf } from "./stored-place.ts";
import type { Opening } from "./opening.ts";
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

export interface LiveDeps {
  readonly nc: NatsConnection;
  readonly unreadable: Unreadable;
  readonly opening: Opening;
  readonly log: Logger;
}

/** Subscribes to live copies of stored events. Exceptions of the callback are logged: they would stop the connection's read loop for good. */
export function createLiveEvents({ nc, unreadable, opening, log }: LiveDeps) {
  return (
    subject: string,
    onMessage: (message: StoredMessage) => void,
    options: { queue?: string } = {},
  ): LiveSubscription => {
    const storedMessageOf = createConversion();
    const give = (stored: StoredMessage): void => {
      if (!isWhole(stored)) unreadable.note("event", stored);
      if (stored.seq > 0) onMessage(stored);
    };
    const open = createLiveOpening(opening, give, subject, log);
    const subscription = nc.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        try {
          if (error !== null) throw error;
          const stored = storedMessageOf(message);
          if (opening.passesPlain && !isSealed(stored.data)) give(stored);
          else open(stored);
        } catch (err) {
          log.error({ err, subject }, "a live event could not be handled");
        }
      },
    });
    return { unsubscribe: () => subscription.unsubscribe() };
  };
}

/** What waits for its key comes later, out of the reach of the subscription's own funnel. */
function createLiveOpening(opening: Opening, give: (stored: StoredMessage) => void, liveSubject: string, log: Logger) {
  return (stored: StoredMessage): void => {
    const { subject, seq, previous } = stored;
    opening.inOrder(stored, (data) => {
      try {
        give(data === stored.data ? stored : { subject, seq, previous, data });
      } catch (err) {
        log.error({ err, subject: liveSubject }, "a live event could not be handled");
      }
    });
  };
}
