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
    const { open, stop } = createLiveOpening(opening, give, subject, log);
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
    return {
      unsubscribe() {
        stop();
        subscription.unsubscribe();
      },
    };
  };
}

/** Soon enough for a viewer; and a key service that is away is not asked more often. */
const againMs = 1_000;
/** Subjects of which one waits: a turn has its chain, its message, and a result for each call. */
const mostKept = 256;

/**
 * What waits for its key comes later, out of the reach of the subscription's own funnel. What cannot be opened now is tried again, the newest of each subject: there need not be a next event to show that one is missing (the
 * end of a turn has none), and with the newest one its reader sees the hole and fills it.
 */
function createLiveOpening(opening: Opening, give: (stored: StoredMessage) => void, liveSubject: string, log: Logger) {
  const kept = new Map<string, StoredMessage>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  const again = (): void => {
    timer = undefined;
    const waiting = [...kept.values()].toSorted((one, other) => one.seq - other.seq);
    kept.clear();
    for (const stored of waiting) open(stored);
  };
  const keep = (stored: StoredMessage): void => {
    // A process without keys has none later either: it says so, and is not ready.
    if (isStopped || opening.passesPlain || (kept.get(stored.subject)?.seq ?? 0) > stored.seq) return;
    kept.set(stored.subject, stored);
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    timer ??= setTimeout(again, againMs);
    timer.unref();
  };
  const open = (stored: StoredMessage): void => {
    const { subject, seq, previous } = stored;
    const take = (data: Uint8Array): void => {
      try {
        give(data === stored.data ? stored : { subject, seq, previous, data });
      } catch (err) {
        log.error({ err, subject: liveSubject }, "a live event could not be handled");
      }
    };
    opening.inOrder(stored, take, (why, data) => {
      if (why === "unavailable") keep({ subject, seq, previous, data: data.slice() });
    });
  };
  return {
    open,
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
      kept.clear();
    },
  };
}
