import {
  TurnRequest,
  isTerminal,
  limits,
  parseStored,
  streams,
  subjects,
  turnsConsumer,
  type ConversationId,
} from "@parley/protocol";
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import type { Logger } from "@parley/runtime";
import type { EventLog } from "./event-log.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { Facts } from "./facts.ts";
import { ackSubject } from "./ack-subject.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { createSharedLookup } from "./shared-lookup.ts";
import type { Transcripts } from "./transcripts.ts";
import type { Unreadable } from "./unreadable.ts";

export interface QueuedTurn {
  /** Sequence in `TURNS`: the order of acceptance. */
  readonly seq: number;
  /** When it was accepted, by the broker's clock. `request.accepted_at` is by the edge's. */
  readonly storedMs: number;
  readonly request: TurnRequest;
}

/** Messages of the queue, as the workers' consumer counts them. */
export interface TurnBacklog {
  /** No worker has got them yet. */
  readonly waiting: number;
  /** A worker has them and has not acknowledged them. */
  readonly delivered: number;
}

/** How far the broker has come with delivering the queue. */
export interface DeliveryState {
  /** Up to this sequence it takes every turn for done: what is still there will never be delivered again. */
  readonly settledUpTo: number;
  readonly deliveredUpTo: number;
  /** Some worker waits for a turn, so there is none to be delivered at the moment. */
  readonly pullsWait: boolean;
}

/** What the event log knows of a queued turn. `begun`: somebody has claimed it; `seq` is that of its chain's last event. */
export type TurnStanding =
  | { readonly kind: "waits" }
  /** `isWaiting`: for a person, and held by nobody. Of one whose events are forgotten `seq` is 0. */
  | { readonly kind: "begun"; readonly seq: number; readonly isWaiting: boolean }
  | { readonly kind: "ended" };

export interface TurnLookupDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly transcripts: Pick<Transcripts, "find">;
  readonly facts: Pick<Facts, "read">;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  readonly unreadable: Unreadable;
  readonly log: Logger;
}

/**
 * Whether a turn that was seen there is still queued, by the word of the stream's leader. Throws when the one that takes itself for the leader
 * has not come that far: it stood still, and does not know yet that another one leads.
 */
function createIsQueued(jsm: PatientLookups) {
  return async (seq: number): Promise<boolean> => {
    if ((await jsm.streams.getMessage(streams.turns, { seq })) !== null) return true;
    const { state } = await jsm.streams.info(streams.turns);
    if (state.last_seq < seq) throw new Error(`the broker does not know turn ${seq} yet`);
    return false;
  };
}

/** Reads what is queued. Who cannot be read is not there: the conversation's other turns must not wait for it for ever. */
function createQueueReading(jsm: PatientLookups, unreadable: Unreadable) {
  const turnOf = (message: FoundMessage): QueuedTurn | undefined => {
    const { data: request } = TurnRequest.safeParse(parseStored(message.data));
    if (request !== undefined) return { seq: message.seq, storedMs: message.time.getTime(), request };
    unreadable.note("turn", message);
    return undefined;
  };

  return {
    /** Those from `upTo` on are not looked for. */
    async list(subject: string, limit: number, { from = 1, upTo = Infinity } = {}): Promise<QueuedTurn[]> {
      const found: QueuedTurn[] = [];
      for (let seq = from; found.length < limit && seq <= upTo;) {
        const message = await jsm.lookUp(streams.turns, { seq, next_by_subj: subject });
        if (message === null) break;
        const turn = turnOf(message);
        if (turn !== undefined) found.push(turn);
        seq = message.seq + 1;
      }
      return found;
    },

    /** By the word of the stream's leader; undefined when it has left the queue. */
    async at(seq: number): Promise<QueuedTurn | undefined> {
      const message = await jsm.streams.getMessage(streams.turns, { seq });
      return message === null ? undefined : turnOf(message);
    },
  };
}

function createStandings({
  events,
  transcripts,
  facts,
  eventWindowMs,
}: Pick<TurnLookupDeps, "events" | "transcripts" | "facts" | "eventWindowMs">) {
  /**
   * The events of a turn may have expired before it has left the queue. Its record is kept: with one it has ended, and gets no second end. Nor is what
   * it waits for forgotten.
   */
  const standingOfOld = async ({ request, storedMs }: QueuedTurn): Promise<TurnStanding> => {
    const { conversation_id: conversation, turn_id: turn, accepted_at } = request;
    if (Date.now() - Math.min(accepted_at, storedMs) < eventWindowMs / 2) return { kind: "waits" };
    if ((await transcripts.find(conversation, turn, storedMs))?.answer !== undefined) return { kind: "ended" };
    const wait = await facts.read("wait", { conversation, turn });
    return wait === undefined ? { kind: "waits" } : { kind: "begun", seq: 0, isWaiting: true };
  };

  return async (turn: QueuedTurn): Promise<TurnStanding> => {
    const { conversation_id, turn_id } = turn.request;
    const last = await events.last(subjects.agent(events.shardOf(conversation_id), conversation_id, turn_id));
    if (last === undefined) return standingOfOld(turn);
    const { type } = last.event;
    return isTerminal(type) ? { kind: "ended" } : { kind: "begun", seq: last.seq, isWaiting: type === "waiting" };
  };
}

/** No worker was ever here. */
function ifMissing(error: unknown): undefined {
  if (!(error instanceof JetStreamApiError) || error.code !== JetStreamApiCodes.ConsumerNotFound) throw error;
}

/** How long the oldest turn has waited that no worker has got, by the broker's clock alone: up to when the newest one came. 0: there is none. */
function createOldestWait({ jsm }: Pick<TurnLookupDeps, "jsm">) {
  return async (): Promise<number> => {
    const consumer = await jsm.consumers.info(streams.turns, turnsConsumer).catch(ifMissing);
    if (consumer?.num_pending === 0) return 0;
    const query = { seq: (consumer?.delivered.stream_seq ?? 0) + 1, next_by_subj: subjects.allTurns };
    const [oldest, { state }] = await Promise.all([jsm.lookUp(streams.turns, query), jsm.streams.info(streams.turns)]);
    return oldest === null ? 0 : Math.max(0, Date.parse(state.last_ts) - oldest.time.getTime());
  };
}

/** What the workers' consumer and the broker's clock say. */
function createDeliveryLookups({ jsm, events }: Pick<TurnLookupDeps, "jsm" | "events">) {
  /** When the broker last delivered a turn, by its own clock; 0: not since it started. */
  const lastDeliveryMs = async (): Promise<number> => {
    const { delivered } = await jsm.consumers.info(streams.turns, turnsConsumer);
    // The client's types say that it is a number; the broker sends RFC 3339.
    return Date.parse(String(delivered.last_active)) || 0;
  };

  /** Hundreds of turns that go on at once ask for the time at once. */
  const sharedDeliveryMs = createSharedLookup(lastDeliveryMs);
  const storedMs = new Map<number, () => Promise<number>>();
  const lastStoredMs = (shard: number): Promise<number> => {
    const ask = async (): Promise<number> =>
      Date.parse((await jsm.streams.info(streams.events(shard))).state.last_ts) || 0;
    const known = storedMs.get(shard) ?? createSharedLookup(ask);
    storedMs.set(shard, known);
    return known();
  };

  return {
    /**
     * How long the turn has waited at least: from its own time to that of the newest event of its shard, or of the newest delivery of any turn, so
     * by the broker's clock alone. Exact for who has just stored an event, or got the turn.
     */
    async waitedMs({ storedMs, request }: QueuedTurn): Promise<number> {
      const [{ state }, deliveredMs] = await Promise.all([
        jsm.streams.info(streams.events(events.shardOf(request.conversation_id))),
        lastDeliveryMs(),
      ]);
      return Math.max(0, Date.parse(state.last_ts) - storedMs, deliveredMs - storedMs);
    },
    lastDeliveryMs,

    /** The time by the broker's clock, as far as anybody knows. Exact for who has just stored an event of the conversation, or got a turn. */
    async nowMs(conversation: ConversationId): Promise<number> {
      return Math.max(...(await Promise.all([lastStoredMs(events.shardOf(conversation)), sharedDeliveryMs()])));
    },

    /** Where a turn that was delivered is answered, as the consumer stands: the broker looks at its sequence, and that it is of a delivery that there was. */
    async replyFor(seq: number): Promise<string> {
      const { delivered } = await jsm.consumers.info(streams.turns, turnsConsumer);
      return ackSubject({ seq, nth: delivered.consumer_seq });
    },

    /** How far the workers are behind. */
    backlog: async (): Promise<TurnBacklog> => {
      const { num_pending, num_ack_pending } = await jsm.consumers.info(streams.turns, turnsConsumer);
      return { waiting: num_pending, delivered: num_ack_pending };
    },

    deliveryState: async (): Promise<DeliveryState> => {
      const { ack_floor, delivered, num_waiting } = await jsm.consumers.info(streams.turns, turnsConsumer);
      const deliveredUpTo = delivered.stream_seq;
      return { settledUpTo: ack_floor.stream_seq, deliveredUpTo, pullsWait: num_waiting > 0 };
    },
  };
}

/** What waits in `TURNS`, and its removal. */
export function createTurnLookups({ jsm, unreadable, log, ...deps }: TurnLookupDeps) {
  const { events } = deps;
  const { list, at } = createQueueReading(jsm, unreadable);
  const standing = createStandings(deps);

  /** The turns of a conversation that have not left the queue, in the order of acceptance; with `upTo` at least those up to that sequence. */
  const waiting = (conversation: ConversationId, upTo?: number): Promise<QueuedTurn[]> =>
    list(subjects.turns(conversation), limits.turnsPerConversation, { upTo });

  /** The turn of a conversation that may run: the first that has not left the queue. */
  const first = async (conversation: ConversationId): Promise<QueuedTurn | undefined> =>
    (await list(subjects.turns(conversation), 1))[0];

  /**
   * Only ever for the first turn of a conversation: nats-server 2.9.10 loses sight of the turns in between when the last message of a
   * subject is deleted and then the first (seen: accepted turns vanished from every look-up).
   */
  const removeFirst = async (seq: number): Promise<void> => {
    // Already gone is what we want.
    await jsm.streams
      .deleteMessage(streams.turns, seq, false)
      .catch((err: unknown) => log.debug({ err, seq }, "a turn was gone already"));
  };

  const hasEnded = async (turn: QueuedTurn): Promise<boolean> => (await standing(turn)).kind === "ended";

  return {
    waiting,
    first,
    at,
    removeFirst,
    standing,
    hasEnded,

    isQueued: createIsQueued(jsm),
    oldestWaitMs: createOldestWait({ jsm }),

    /** Up to `limit` turns of all conversations from that sequence on, oldest first. For whoever looks after the queue. */
    scan: (limit: number, from = 1): Promise<QueuedTurn[]> => list(subjects.allTurns, limit, { from }),

    ...createDeliveryLookups({ jsm, events }),

    /** Drops turns at the front that have ended without being removed. Returns whether there were any. */
    async removeEnded(conversation: ConversationId): Promise<boolean> {
      let removed = false;
      for (let i = 0; i < limits.turnsPerConversation; i++) {
        const turn = await first(conversation);
        if (turn === undefined || !(await hasEnded(turn))) break;
        await removeFirst(turn.seq);
        removed = true;
      }
      return removed;
    },
  };
}
