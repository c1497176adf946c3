import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import {
  ChatError,
  decodeEvent,
  encodeEvent,
  shardOf,
  shardOfSubject,
  streams,
  subjects,
  type ConversationId,
  type StoredEvent,
} from "@parley/protocol";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { wrongLastSequence, type Append, type Appender, type AppendResult } from "./appender.ts";
import { createEventReader, type ReadRange } from "./event-reader.ts";
import type { BrokerLink } from "./nats-connection.ts";
import { storedSubjectOf, type EventAtSeq, type StoredMessage } from "./stored-message.ts";

export interface StreamState {
  /** When the stream was made, ms since 1970: its generation. */
  readonly createdMs: number;
  readonly firstSeq: number;
  /** 0: it is empty and new. */
  readonly lastSeq: number;
}

export interface EventLogDeps {
  readonly link: BrokerLink;
  readonly jsm: JetStreamManager;
  readonly appender: Appender;
  readonly shards: number;
  readonly log: Logger;
  /** Called when a stream is not there, to make it again. */
  readonly restore: () => Promise<void>;
}

export type EventLog = ReturnType<typeof createEventLog>;

/** How long a write-once event is tried through broker trouble. */
const writeDeadlineMs = 15_000;

/** The event streams: fenced appends, write-once events, reading back, and the live copies of what was stored. */
export function createEventLog({ link, jsm, appender, shards, log, restore }: EventLogDeps) {
  const { nc } = link;
  const read = createEventReader(nc, jsm);
  const states = new Map<number, Promise<StreamState>>();

  const fetchState = async (shard: number): Promise<StreamState> => {
    const info = await jsm.streams.info(streams.events(shard));
    return { createdMs: Date.parse(info.created), firstSeq: info.state.first_seq, lastSeq: info.state.last_seq };
  };

  /** One publish with its outcome. A stream that is gone is made again first, so that the next try can succeed. */
  const append = async (message: Append, timeoutMs?: number): Promise<AppendResult> => {
    const result = await appender.append(message, timeoutMs);
    if (result.kind === "absent") await restore();
    return result;
  };

  const last = async (subject: string): Promise<EventAtSeq | undefined> => {
    const message = await jsm.direct.getMessage(streams.events(shardOfSubject(subject)), { last_by_subj: subject });
    return message === null ? undefined : eventOf(message);
  };

  /** As `last`, but from the stream's leader: never stale, a little slower. Use it after a refusal. */
  const lastFromLeader = async (subject: string): Promise<EventAtSeq | undefined> => {
    const message = await jsm.streams.getMessage(streams.events(shardOfSubject(subject)), { last_by_subj: subject });
    return message === null ? undefined : eventOf(message);
  };

  return {
    append,
    last,
    lastFromLeader,
    shardOf: (conversation: ConversationId): number => shardOf(conversation, shards),

    /** Calls made while one is on its way share it: a thousand hubs that start at once ask once. */
    state(shard: number): Promise<StreamState> {
      let state = states.get(shard);
      if (state === undefined) {
        // Only callers of the same tick may share: later ones need a state from after their own flush.
        state = Promise.resolve().then(() => {
          states.delete(shard);
          return fetchState(shard);
        });
        states.set(shard, state);
      }
      return state;
    },

    /**
     * Writes an event that may exist only once on its subject; the first one wins and is returned to everybody. Retries through broker
     * trouble for 15 s, then throws OVERLOADED.
     */
    async writeOnce(subject: string, event: StoredEvent): Promise<EventAtSeq & { won: boolean }> {
      const data = encodeEvent(event);
      const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
      const deadline = performance.now() + writeDeadlineMs;
      for (let tries = 1; performance.now() < deadline; tries++) {
        const result = await append({ subject, data, expect: 0 });
        if (result.kind === "stored") return { seq: result.seq, event, won: true };
        if (result.kind === "refused" && wrongLastSequence.has(result.code)) {
          const first = await lastFromLeader(subject).catch(() => undefined);
          // After a retry the one that is there may be our own: the same bytes are as good as having won.
          if (first !== undefined) return { ...first, won: tries > 1 && sameBytes(encodeEvent(first.event), data) };
        }
        await sleep(backoff.nextMs());
      }
      throw new ChatError("OVERLOADED", { cause: new Error(`could not write ${subject}`) });
    },

    /** All events of a conversation in a range, in order. */
    read: (conversation: ConversationId, range: ReadRange): Promise<StoredMessage[]> =>
      read(shardOf(conversation, shards), conversation, range),

    /** Live copies of stored events. Exceptions of the callback are logged: they must not stop the connection. */
    subscribe(
      subject: string,
      onMessage: (message: StoredMessage) => void,
      options: { queue?: string } = {},
    ): { unsubscribe(): void } {
      const subscription = nc.subscribe(subject, {
        ...options,
        callback: (error, message) => {
          try {
            if (error !== null) throw error;
            const seq = Number(message.headers?.get("Nats-Sequence"));
            const previous = Number(message.headers?.get("Nats-Last-Sequence"));
            if (seq > 0) onMessage({ subject: storedSubjectOf(message.subject), seq, previous, data: message.data });
          } catch (err) {
            log.error({ err, subject }, "a live event could not be handled");
          }
        },
      });
      return { unsubscribe: () => subscription.unsubscribe() };
    },

    flush: (): Promise<void> => nc.flush(),

    /** Makes sure a stream that vanished is there again; cheap when called often. */
    restore,

    liveOf: (conversation: ConversationId): string => subjects.liveOf(shardOf(conversation, shards), conversation),
  };
}

function eventOf(message: StoredMsg): EventAtSeq {
  return { seq: message.seq, event: decodeEvent(message.data) };
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
