import { askTimeoutMs, patiently, type PatientLookups } from "./patient-lookups.ts";
import { shardOf, subjects, type ConversationId } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import type { Appender } from "./appender.ts";
import { createEventLookups } from "./event-lookups.ts";
import { createEventReader, type ReadRange } from "./event-reader.ts";
import { createLiveEvents } from "./live-events.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { Opening } from "./opening.ts";
import type { StoredMessage } from "./stored-message.ts";
import type { Unreadable } from "./unreadable.ts";
import { createWriteOnce } from "./write-once.ts";

export interface EventLogDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  /** The same without opening anything: for readings, which need to know where events stand and open them afterwards. */
  readonly stored: PatientLookups;
  readonly appender: Appender;
  readonly shards: number;
  readonly unreadable: Unreadable;
  readonly opening: Opening;
  readonly log: Logger;
  /** Makes a stream again that is not there. */
  readonly restore: () => Promise<void>;
}

export type EventLog = ReturnType<typeof createEventLog>;

/** The event streams: fenced appends, write-once events, reading back, and the live copies of what was stored. */
export function createEventLog({
  link,
  jsm,
  stored,
  appender,
  shards,
  unreadable,
  opening,
  log,
  restore,
}: EventLogDeps) {
  const reader = createEventReader(link, stored, opening);
  const lookups = createEventLookups(jsm, unreadable);

  const { append } = appender;

  return {
    ...lookups,
    append,
    maxBytes: appender.maxBytes,
    ...createWriteOnce({ append, lastFromLeader: lookups.lastFromLeader }),
    subscribe: createLiveEvents({ nc: link.nc, unreadable, opening, log }),

    /** All events of a conversation in a range, in order. */
    read: (conversation: ConversationId, range: ReadRange): Promise<StoredMessage[]> =>
      reader.read(shardOf(conversation, shards), conversation, range),

    /** To be called when a conversation was deleted: what was read of it for many a moment ago is given to nobody any more. */
    forgetShared: reader.forgetShared,

    /**
     * Resolves when the broker has all that was sent before: subscriptions too, which the connection sends again by itself when it comes back. Tried
     * for 10 s, as look-ups are.
     */
    flush: (): Promise<void> => patiently(() => withDeadline(link.nc.flush(), askTimeoutMs, "flushing to the broker")),

    /** Makes sure a stream that vanished is there again; cheap when called often. */
    restore,

    shardOf: (conversation: ConversationId): number => shardOf(conversation, shards),
    liveOf: (conversation: ConversationId): string => subjects.liveOf(shardOf(conversation, shards), conversation),
  };
}
