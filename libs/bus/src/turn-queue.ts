import type { PatientLookups } from "./patient-lookups.ts";
import type { Consumer, JetStreamClient, JsMsg } from "@nats-io/jetstream";
import {
  ChatError,
  TurnRequest,
  decodeJson,
  encodeJson,
  envelopeBytes,
  streams,
  subjects,
  turnsConsumer,
  type ConversationId,
} from "@parley/protocol";
import { createBackoff, sleep, withDeadline, type Logger } from "@parley/runtime";
import { EventTooLargeError, wrongLastSequence } from "./appender.ts";
import type { EventLog } from "./event-log.ts";
import { createTurnLookups, type QueuedTurn } from "./turn-lookups.ts";

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
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly log: Logger;
}

export interface SubmitOptions {
  /** Refuse with CONVERSATION_BUSY when a turn of the conversation waits or runs. */
  readonly onlyIfIdle?: boolean;
}

export type TurnQueue = ReturnType<typeof createTurnQueue>;

const tooManyPerSubject = 10_077;
const submitDeadlineMs = 10_000;
/** How much later than a pull ends the broker may say so. */
const answerMs = 5_000;

/** `TURNS`: one message per accepted turn, kept until the turn has ended. It is the per-conversation queue itself. */
export function createTurnQueue({ js, jsm, events, log }: TurnQueueDeps) {
  const lookups = createTurnLookups(jsm, events, log);
  let consumer: Promise<Consumer> | undefined;

  return {
    ...lookups,
    submit: createSubmit(events, lookups.removeEnded, log),

    /**
     * Pulls up to `most` turns, each given to `onDelivery` when it comes; ends when all have come, or after `expiresMs` (at least 1,000).
     * Throws when the broker cannot be asked.
     */
    async pull(most: number, expiresMs: number, onDelivery: (delivery: Delivery) => void): Promise<void> {
      consumer ??= js.consumers.get(streams.turns, turnsConsumer);
      const pulled = consumer;
      const pullOne = async (): Promise<void> => {
        const message = await (await pulled).next({ expires: expiresMs });
        const delivery = message === null ? undefined : deliveryOf(message, log);
        if (delivery !== undefined) onDelivery(delivery);
      };
      try {
        // One request each, and an end of our own: a pull that the broker never ends must not be the last one.
        const all = Promise.all(Array.from({ length: most }, pullOne));
        await withDeadline(all, expiresMs + answerMs, "pulling turns");
      } catch (error) {
        // The stream or its consumer may be gone: made again, and looked up again next time.
        consumer = undefined;
        await events.restore();
        throw error;
      }
    },
  };
}

/** What a refusal of the stream means to the caller; undefined: it may pass. */
function refusalOf(code: number): ChatError | undefined {
  if (code === tooManyPerSubject) return new ChatError("QUEUE_FULL", { retryAfterMs: 2_000 });
  if (wrongLastSequence.has(code)) return new ChatError("CONVERSATION_BUSY", { retryAfterMs: 1_000 });
  return undefined;
}

/**
 * Queues a turn; the same turn id within ten minutes is the same message. Throws QUEUE_FULL, CONVERSATION_BUSY (only with `onlyIfIdle`),
 * MESSAGE_TOO_LARGE, or OVERLOADED when the broker has not answered for 10 s (then it may or may not be queued: the same id can be tried again).
 */
function createSubmit(events: EventLog, removeEnded: (conversation: ConversationId) => Promise<boolean>, log: Logger) {
  return async (request: TurnRequest, { onlyIfIdle = false }: SubmitOptions = {}) => {
    const expected = onlyIfIdle ? { expect: 0 } : {};
    const subject = subjects.turns(request.conversation_id);
    // The text is stored twice more, as event and as record.
    const spare = { spareBytes: envelopeBytes };
    const message = { subject, data: encodeJson(request), msgId: request.turn_id, ...spare, ...expected };
    const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
    const deadline = performance.now() + submitDeadlineMs;
    for (let cleaned = false; performance.now() < deadline;) {
      const result = await events.append(message);
      if (result.kind === "stored") return { seq: result.seq, duplicate: result.duplicate };
      if (result.kind === "too large")
        throw new ChatError("MESSAGE_TOO_LARGE", { cause: new EventTooLargeError(result) });
      if (result.kind === "refused") {
        const refusal = refusalOf(result.code);
        if (refusal !== undefined && (cleaned || !(await removeEnded(request.conversation_id)))) throw refusal;
        if (refusal === undefined)
          log.warn({ reason: result.description }, "the queue refused a turn; it is tried again");
        cleaned = true;
      }
      await sleep(backoff.nextMs());
    }
    throw new ChatError("OVERLOADED", { cause: new Error("the broker did not confirm the turn") });
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
