import type { Consumer, JetStreamClient, JetStreamManager, JsMsg } from "@nats-io/jetstream";
import {
  ChatError,
  TurnRequest,
  decodeJson,
  encodeJson,
  isTerminal,
  limits,
  streams,
  subjects,
  turnsConsumer,
  type ConversationId,
} from "@parley/protocol";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { wrongLastSequence } from "./appender.ts";
import type { EventLog } from "./event-log.ts";

export interface QueuedTurn {
  /** Sequence in `TURNS`: the order of acceptance. */
  readonly seq: number;
  readonly request: TurnRequest;
}

/** A turn as a worker got it. Acknowledgements are never proof of ownership: the fenced chain is. */
export interface Delivery extends QueuedTurn {
  readonly deliveries: number;
  /** Removes it from the queue; resolves once the broker confirmed, or false. */
  ack(): Promise<boolean>;
  /** Gives it back, to be delivered again after the delay. */
  nak(delayMs?: number): void;
  /** Postpones the redelivery by the consumer's ack wait. */
  working(): void;
}

export interface TurnQueueDeps {
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly events: EventLog;
  readonly log: Logger;
}

export type TurnQueue = ReturnType<typeof createTurnQueue>;

const tooManyPerSubject = 10_077;
const submitDeadlineMs = 10_000;

/** `TURNS`: one message per accepted turn, kept until the turn has ended. It is the per-conversation queue itself. */
export function createTurnQueue({ js, jsm, events, log }: TurnQueueDeps) {
  let consumer: Promise<Consumer> | undefined;

  const waiting = async (conversation: ConversationId): Promise<QueuedTurn[]> => {
    const subject = subjects.turns(conversation);
    const found: QueuedTurn[] = [];
    for (let seq = 1; found.length < limits.turnsPerConversation;) {
      const message = await jsm.direct.getMessage(streams.turns, { seq, next_by_subj: subject });
      if (message === null) break;
      found.push({ seq: message.seq, request: decodeJson(TurnRequest, message.data) });
      seq = message.seq + 1;
    }
    return found;
  };

  /** Up to `limit` turns of all conversations, oldest first. For whoever looks after the queue. */
  const scan = async (limit: number): Promise<QueuedTurn[]> => {
    const found: QueuedTurn[] = [];
    for (let seq = 1; found.length < limit;) {
      const message = await jsm.direct.getMessage(streams.turns, { seq, next_by_subj: subjects.allTurns });
      if (message === null) break;
      found.push({ seq: message.seq, request: decodeJson(TurnRequest, message.data) });
      seq = message.seq + 1;
    }
    return found;
  };

  /** Up to this sequence the broker takes every turn for done: what is still there will never be delivered again. */
  const settledUpTo = async (): Promise<number> =>
    (await jsm.consumers.info(streams.turns, turnsConsumer)).ack_floor.stream_seq;

  const remove = async (seq: number): Promise<void> => {
    // Already gone is what we want.
    await jsm.streams
      .deleteMessage(streams.turns, seq, false)
      .catch((err: unknown) => log.debug({ err, seq }, "turn was already gone"));
  };

  const hasEnded = async ({ request: { conversation_id, turn_id } }: QueuedTurn): Promise<boolean> => {
    const last = await events.last(subjects.agent(events.shardOf(conversation_id), conversation_id, turn_id));
    return last !== undefined && isTerminal(last.event.type);
  };

  /** Drops turns that ended without being removed (their worker died in between, or the broker forgot). Returns whether there were any. */
  const removeEnded = async (conversation: ConversationId): Promise<boolean> => {
    let removed = false;
    for (const turn of await waiting(conversation)) {
      if (!(await hasEnded(turn))) continue;
      await remove(turn.seq);
      removed = true;
    }
    return removed;
  };

  const refusalOf = (code: number, description: string): ChatError | undefined => {
    if (code === tooManyPerSubject) return new ChatError("QUEUE_FULL", { retryAfterMs: 2_000 });
    if (wrongLastSequence.has(code)) return new ChatError("CONVERSATION_BUSY", { retryAfterMs: 1_000 });
    log.warn({ code, description }, "the queue refused a turn; it is tried again");
    return undefined;
  };

  return {
    waiting,
    scan,
    settledUpTo,
    remove,
    hasEnded,
    removeEnded,

    /**
     * Queues a turn; the same turn id within ten minutes is the same message. Throws QUEUE_FULL, CONVERSATION_BUSY (only with
     * `onlyIfIdle`), or OVERLOADED when the broker has not answered for 10 s (then it may or may not be queued: the same id can be tried
     * again).
     */
    async submit(request: TurnRequest, { onlyIfIdle = false } = {}): Promise<{ seq: number; duplicate: boolean }> {
      const message = {
        subject: subjects.turns(request.conversation_id),
        data: encodeJson(request),
        msgId: request.turn_id,
        ...(onlyIfIdle ? { expect: 0 } : {}),
      };
      const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
      const deadline = performance.now() + submitDeadlineMs;
      for (let cleaned = false; performance.now() < deadline;) {
        const result = await events.append(message);
        if (result.kind === "stored") return { seq: result.seq, duplicate: result.duplicate };
        if (result.kind === "refused") {
          const refusal = refusalOf(result.code, result.description);
          if (refusal !== undefined && (cleaned || !(await removeEnded(request.conversation_id)))) throw refusal;
          cleaned = true;
        }
        await sleep(backoff.nextMs());
      }
      throw new ChatError("OVERLOADED", { cause: new Error("the broker did not confirm the turn") });
    },

    /** Pulls one turn, waiting up to `expiresMs` (at least 1,000). Undefined: none came. Throws when the broker cannot be asked. */
    async next(expiresMs: number): Promise<Delivery | undefined> {
      consumer ??= js.consumers.get(streams.turns, turnsConsumer);
      try {
        const message = await (await consumer).next({ expires: expiresMs });
        return message === null ? undefined : deliveryOf(message, log);
      } catch (error) {
        // The stream or its consumer may be gone: made again, and looked up again next time.
        consumer = undefined;
        await events.restore();
        throw error;
      }
    },
  };
}

function deliveryOf(message: JsMsg, log: Logger): Delivery | undefined {
  try {
    return {
      seq: message.seq,
      request: decodeJson(TurnRequest, message.data),
      deliveries: message.info.deliveryCount,
      ack: () => message.ackAck().catch(() => false),
      // A fraction of a millisecond would be taken as "now".
      nak: (delayMs) => message.nak(delayMs === undefined ? undefined : Math.round(delayMs)),
      working: () => message.working(),
    };
  } catch (err) {
    // It will never be readable: drop it rather than deliver it for ever.
    log.error({ err, seq: message.seq }, "a queued turn could not be read and was dropped");
    message.term();
    return undefined;
  }
}
