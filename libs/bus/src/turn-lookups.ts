import type { PatientLookups } from "./patient-lookups.ts";
import {
  TurnRequest,
  decodeJson,
  isTerminal,
  limits,
  streams,
  subjects,
  turnsConsumer,
  type ConversationId,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { EventLog } from "./event-log.ts";

export interface QueuedTurn {
  /** Sequence in `TURNS`: the order of acceptance. */
  readonly seq: number;
  readonly request: TurnRequest;
}

/** Messages of the queue, as the workers' consumer counts them. */
export interface TurnBacklog {
  /** No worker has got them yet. */
  readonly waiting: number;
  /** A worker has them and has not acknowledged them. */
  readonly delivered: number;
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

/** What waits in `TURNS`, and its removal. */
export function createTurnLookups(jsm: PatientLookups, events: EventLog, log: Logger) {
  const list = async (subject: string, limit: number): Promise<QueuedTurn[]> => {
    const found: QueuedTurn[] = [];
    for (let seq = 1; found.length < limit;) {
      const message = await jsm.lookUp(streams.turns, { seq, next_by_subj: subject });
      if (message === null) break;
      found.push({ seq: message.seq, request: decodeJson(TurnRequest, message.data) });
      seq = message.seq + 1;
    }
    return found;
  };

  /** The turns of a conversation that have not left the queue, in the order of acceptance. */
  const waiting = (conversation: ConversationId): Promise<QueuedTurn[]> =>
    list(subjects.turns(conversation), limits.turnsPerConversation);

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

  const hasEnded = async ({ request: { conversation_id, turn_id } }: QueuedTurn): Promise<boolean> => {
    const last = await events.last(subjects.agent(events.shardOf(conversation_id), conversation_id, turn_id));
    return last !== undefined && isTerminal(last.event.type);
  };

  return {
    waiting,
    first,
    removeFirst,
    hasEnded,

    isQueued: createIsQueued(jsm),

    /** Up to `limit` turns of all conversations, oldest first. For whoever looks after the queue. */
    scan: (limit: number): Promise<QueuedTurn[]> => list(subjects.allTurns, limit),

    /** How far the workers are behind. */
    backlog: async (): Promise<TurnBacklog> => {
      const { num_pending, num_ack_pending } = await jsm.consumers.info(streams.turns, turnsConsumer);
      return { waiting: num_pending, delivered: num_ack_pending };
    },

    /** Up to this sequence the broker takes every turn for done: what is still there will never be delivered again. */
    settledUpTo: async (): Promise<number> =>
      (await jsm.consumers.info(streams.turns, turnsConsumer)).ack_floor.stream_seq,

    /**
     * Drops turns at the front that ended without being removed (their worker died in between, or the broker forgot). Returns whether there
     * were any.
     */
    async removeEnded(conversation: ConversationId): Promise<boolean> {
      let removed = false;
      for (const turn of await waiting(conversation)) {
        if (!(await hasEnded(turn))) break;
        await removeFirst(turn.seq);
        removed = true;
      }
      return removed;
    },
  };
}
