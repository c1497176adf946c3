import type { NatsConnection } from "@nats-io/transport-node";
import {
  ChatError,
  TurnRequest,
  encodeJson,
  envelopeBytes,
  limits,
  parseStored,
  streams,
  subjects,
  turnsConsumer,
  type ConversationId,
  type TurnId,
} from "@parley/protocol";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import { EventTooLargeError, NoRoomError, wrongLastSequence, type Append, type AppendResult } from "./appender.ts";
import type { EventLog } from "./event-log.ts";
import type { Facts } from "./facts.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { Opening } from "./opening.ts";
import type { Outbox } from "./outbox.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Transcripts } from "./transcripts.ts";
import { createTurnLookups, type QueuedTurn } from "./turn-lookups.ts";
import { createConsumerPulls, type PulledMessage } from "./consumer-pulls.ts";
import { createDelayedNaks, type DelayedNaks } from "./delayed-naks.ts";
import { erasedRequest, restOfRequest } from "./unreadable-request.ts";
import type { Unreadable } from "./unreadable.ts";

/** How a worker answers the queue for a turn that it got. Acknowledgements are never proof of ownership: the fenced chain is. */
export interface DeliveryAnswers {
  /**
   * Removes it from the queue. Of a delivery it resolves when that is sent, with others in a moment: one whose acknowledgement was lost comes again, and
   * whoever waits behind it sees that it has ended.
   */
  ack(): Promise<void>;
  /** Gives it back, to be delivered again at once. Who wants to wait for a while keeps the delivery meanwhile. */
  nak(): void;
  /**
   * Gives it back, to be delivered again after the delay, or when somebody wakes it: for turns that wait for people, and those behind them, which nobody
   * shall hold. Resolves when the broker has it, or cannot be reached.
   */
  putBack(delayMs: number): Promise<void>;
  /** Where it is answered, also by others and later. Absent: the broker did not deliver it. */
  readonly reply?: string;
  /** Postpones the redelivery by the consumer's ack wait. */
  working(): void;
}

/** A turn as a worker got it. */
export interface Delivery extends QueuedTurn, DeliveryAnswers {
  readonly deliveries: number;
  /** It was alone in its conversation when it was accepted, and nobody else had it before: an earlier turn there is none, nor will there be. */
  readonly isFirst?: true;
  /** Only a newer version can read it: `request` says whose turn it is, and nothing else. It may be ended, never run. */
  readonly isUnreadable?: true;
  /** The same, as the key with which it was sealed was erased: its conversation was deleted while it was sent. It is to be ended at once. */
  readonly isErased?: true;
}

export interface TurnQueueDeps {
  readonly link: BrokerLink;
  readonly outbox: Outbox;
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly transcripts: Transcripts;
  readonly facts: Pick<Facts, "read">;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  readonly unreadable: Unreadable;
  readonly opening: Opening;
  readonly log: Logger;
}

export interface SubmitOptions {
  /** Refuse with CONVERSATION_BUSY when a turn of the conversation waits or runs. */
  readonly onlyIfIdle?: boolean;
  /** It was queued before, and the broker has lost it: that it remembers the id says nothing. */
  readonly isLost?: boolean;
}

export type TurnQueue = ReturnType<typeof createTurnQueue>;

const tooManyPerSubject = 10_077;
const submitDeadlineMs = 10_000;

/** `TURNS`: one message per accepted turn, kept until the turn has ended. It is the per-conversation queue itself. */
export function createTurnQueue({ link, outbox, log, unreadable, opening, ...deps }: TurnQueueDeps) {
  const { events } = deps;
  const lookups = createTurnLookups({ ...deps, unreadable, log });
  const naks = createDelayedNaks(link.nc);
  const answersOf = createAnswers(link.nc, { outbox, naks, isElsewhere: createElsewhere(link, lookups.at) });
  let pulls: ReturnType<typeof createConsumerPulls> | undefined;

  /** Nobody waits for an end of it. A newer version may read it, so it has its time, by the worker's clock and by the broker's. */
  const dropGarbage = async ({ storedMs, reply }: PulledMessage): Promise<void> => {
    if (Date.now() - storedMs <= limits.turnQueueAgeMs) return;
    if ((await lookups.lastDeliveryMs()) - storedMs <= limits.turnQueueAgeMs) return;
    await answersOf(reply).ack();
  };

  return {
    ...lookups,
    submit: createSubmit(events, lookups.removeEnded, log),

    /**
     * Pulls up to `most` turns, each given to `onDelivery` when it comes; ends when all have come, or after `expiresMs`; with 0 it takes what waits already
     * and that no other pull waits for. Throws when the broker cannot be asked.
     */
    async pull(most: number, expiresMs: number, onDelivery: (delivery: Delivery) => void): Promise<void> {
      pulls ??= createConsumerPulls(link, { stream: streams.turns, consumer: turnsConsumer, outbox, opening, log });
      try {
        await pulls.pull(most, expiresMs, (message) => {
          const delivery = deliveryOf(message, answersOf, unreadable);
          if (delivery !== undefined) return onDelivery(delivery);
          dropGarbage(message).catch((err: unknown) => log.debug({ err }, "garbage was left in the queue"));
        });
      } catch (error) {
        // The stream or its consumer may be gone: made again.
        await events.restore();
        throw error;
      }
    },

    /**
     * Brings a turn back that was put back, by where its delivery is answered. It takes a turn from whoever holds it: whether one waits is to be looked
     * at before.
     */
    wake: naks.wake,

    /** The same without the moment that it may take, but not safe from a broker that is killed: whoever does it looks again whether the turn goes on. */
    wakeUnstored: naks.wakeUnstored,

    /** The same by its place in the queue, where nobody knows the subject, or the broker has forgotten what it stood for. */
    wakeAt: async (seq: number): Promise<void> => naks.wake(await lookups.replyFor(seq)),

    /** Pulls no more. What was on its way here has been given to `onDelivery` when this resolves. */
    endPulls: async (): Promise<void> => pulls?.end(),
  };
}

/** What a refusal of the stream means to the caller; undefined: it may pass. */
function refusalOf(code: number): ChatError | undefined {
  if (code === tooManyPerSubject) return new ChatError("QUEUE_FULL", { retryAfterMs: 2_000 });
  if (wrongLastSequence.has(code)) return new ChatError("CONVERSATION_BUSY", { retryAfterMs: 1_000 });
  return undefined;
}

function isBehindOthers(result: AppendResult): boolean {
  return result.kind === "refused" && wrongLastSequence.has(result.code);
}

/** The sender is to know at once. */
function throwIfHopeless(result: AppendResult): void {
  if (result.kind === "no room") throw new NoRoomError(result.description);
  if (result.kind === "too large") throw new ChatError("MESSAGE_TOO_LARGE", { cause: new EventTooLargeError(result) });
}

/** What was expected was so: nothing else of the conversation is queued. */
function submittedOf(
  { seq, duplicate }: Extract<AppendResult, { kind: "stored" }>,
  { expect }: Pick<Append, "expect">,
): { readonly seq: number; readonly duplicate: boolean; readonly isAlone: boolean } {
  return { seq, duplicate, isAlone: !duplicate && expect === 0 };
}

function messageOf(request: TurnRequest, { isLost }: SubmitOptions): Append {
  const subject = subjects.turns(request.conversation_id);
  // The text is stored twice more, as event and as record.
  const message = { subject, data: encodeJson(request), spareBytes: envelopeBytes };
  return isLost === true ? message : { ...message, msgId: request.turn_id };
}

/**
 * Queues a turn; the same turn id within ten minutes is the same message. Throws QUEUE_FULL, CONVERSATION_BUSY (only with `onlyIfIdle`),
 * MESSAGE_TOO_LARGE, or OVERLOADED: at once when the broker has no room, and when it has not answered for 10 s (then it may or may not be queued: the
 * same id can be tried again). What comes into an idle conversation is stored as such: `isAlone`, nothing is queued before it, and whoever gets it need
 * not look for that either. Of a duplicate that is never said.
 */
function createSubmit(events: EventLog, removeEnded: (conversation: ConversationId) => Promise<boolean>, log: Logger) {
  return async (request: TurnRequest, options: SubmitOptions = {}) => {
    const { onlyIfIdle = false } = options;
    const message = messageOf(request, options);
    let expected: Pick<Append, "expect"> = { expect: 0 };
    const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
    const deadline = performance.now() + submitDeadlineMs;
    for (let cleaned = false; performance.now() < deadline;) {
      const result = await events.append({ ...message, ...expected });
      if (result.kind === "stored") return submittedOf(result, expected);
      throwIfHopeless(result);
      if (!onlyIfIdle && isBehindOthers(result)) {
        expected = {};
        continue;
      }
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

/** Of a delivery, what tells it from another one at its place. */
interface Delivered {
  readonly seq: number;
  readonly turn: TurnId;
}

/**
 * Says of a delivery from now on whether another turn stands at its place: a broker that lost its power has lost what it had acknowledged last, and gives the
 * same places to others. Asked only where the connection was lost in between. Throws when the broker does not answer.
 */
function createElsewhere(link: BrokerLink, at: (seq: number) => Promise<QueuedTurn | undefined>) {
  let connections = 0;
  link.onReconnect(() => connections++);
  return ({ seq, turn }: Delivered): (() => Promise<boolean> | false) => {
    const since = connections;
    const look = async (): Promise<boolean> => ((await at(seq))?.request.turn_id ?? turn) !== turn;
    return () => (connections === since && link.connected() ? false : look());
  };
}

interface AnswersDeps {
  readonly outbox: Outbox;
  readonly naks: DelayedNaks;
  readonly isElsewhere: ReturnType<typeof createElsewhere>;
}

const nowhere = (): false => false;

/** They hold on to nothing of the message but where it is answered: thousands may wait in one process. */
function createAnswers(nc: NatsConnection, { outbox, naks, isElsewhere }: AnswersDeps) {
  const say = (reply: string, word: string): void => {
    // The connection may be closing; the turn then comes again, to somebody else.
    if (!nc.isClosed() && !nc.isDraining()) nc.publish(reply, word);
  };
  return (reply: string, delivered?: Delivered): DeliveryAnswers => {
    let isAnswered = false;
    const mayBeElsewhere = delivered === undefined ? nowhere : isElsewhere(delivered);
    /** Answers at once where nothing speaks against it. What is not answered comes again, and whoever gets it sees how it stands. */
    const answer = (tell: () => Promise<void>): Promise<void> => {
      if (isAnswered) return Promise.resolve();
      isAnswered = true;
      const looking = mayBeElsewhere();
      if (looking === false) return tell();
      return looking.catch(() => true).then((isOthers) => (isOthers ? undefined : tell()));
    };
    // Nobody waits for it: it goes with others.
    const acknowledge = (): Promise<void> =>
      new Promise((resolve) => {
        outbox.join(() => {
          say(reply, "+ACK");
          resolve();
        });
      });
    return {
      reply,
      ack: () => answer(acknowledge),
      nak() {
        if (!isAnswered) say(reply, "-NAK");
        isAnswered = true;
      },
      putBack: (delayMs) => answer(() => naks.putBack(reply, delayMs)),
      working() {
        if (!isAnswered) say(reply, "+WPI");
      },
    };
  };
}

/** One that cannot be read is delivered with what can be read of it; undefined: that is nothing. */
function deliveryOf(
  message: PulledMessage,
  answersOf: ReturnType<typeof createAnswers>,
  unreadable: Unreadable,
): Delivery | undefined {
  const { seq, storedMs, deliveries, cameAlone, data, reply } = message;
  const place = { seq, storedMs, deliveries, ...(cameAlone && deliveries === 1 ? { isFirst: true as const } : {}) };
  const value = parseStored(data);
  const { data: request } = TurnRequest.safeParse(value);
  if (request !== undefined) return { ...place, request, ...answersOf(reply, { seq, turn: request.turn_id }) };
  const { erased } = message;
  if (erased !== undefined) {
    const named = erasedRequest(message, erased.msgId);
    return named && { ...place, request: named, isUnreadable: true, isErased: true, ...answersOf(reply) };
  }
  unreadable.note("turn", message);
  const rest = restOfRequest(value, storedMs);
  return rest && { ...place, request: rest, isUnreadable: true, ...answersOf(reply) };
}
