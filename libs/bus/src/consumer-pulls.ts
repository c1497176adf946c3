import { createInbox, nanos, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { subjects } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import { parseAckSubject } from "./ack-subject.ts";
import { expectedSequence } from "./append-headers.ts";
import type { BrokerLink } from "./nats-connection.ts";
import { unreadableBytes, type Opening } from "./opening.ts";
import type { Outbox } from "./outbox.ts";
import { isSealed } from "./seal-format.ts";

/** A message as a durable consumer delivered it. */
export interface PulledMessage {
  /** Sequence in the stream. */
  readonly seq: number;
  readonly subject: string;
  readonly deliveries: number;
  /** The broker stored it under the condition that nothing else of its subject was there. */
  readonly cameAlone: boolean;
  /** When the broker stored it, by the broker's clock. */
  readonly storedMs: number;
  /** Borrowed: a view into the connection's read buffer. */
  readonly data: Uint8Array;
  /** Where it is acknowledged. */
  readonly reply: string;
  /** The key with which it was sealed was erased: it has nothing that can be read. The id by which it was sent once. */
  readonly erased?: { readonly msgId: string };
}

/** What waits for messages at the broker. */
interface Pull {
  /** Where the broker says that it has ended. */
  readonly id: string;
  missing: number;
  readonly end: (error?: Error) => void;
}

/** How much later than a pull ends the broker may say so. */
const answerMs = 5_000;
const drainMs = 1_000;
/** Its time is over: 408; 404 is the same to those who do not wait. */
const timesUp = new Set([404, 408]);

/** Why a pull ended, from its status message; undefined: as it should. */
function failureOf({ headers }: Msg): Error | undefined {
  const { code = 0, description = "" } = headers ?? {};
  if (timesUp.has(code) || /batch completed/i.test(description)) return undefined;
  return new Error(`the broker ended a pull: ${code} ${description}`);
}

/** A durable consumer that all processes of a kind share. */
export interface SharedConsumer {
  readonly stream: string;
  readonly consumer: string;
}

interface PullDeps extends SharedConsumer {
  readonly outbox: Outbox;
  readonly opening: Pick<Opening, "inOrder">;
  readonly log: Logger;
}

/** Undefined: the broker's word about a pull. */
function pulledOf(message: Msg): PulledMessage | undefined {
  const { subject, reply = "", data } = message;
  if (!reply.startsWith("$JS.ACK.")) return undefined;
  const { seq, deliveries, storedMs } = parseAckSubject(reply);
  const cameAlone = message.headers?.get(expectedSequence) === "0";
  return { seq, deliveries, cameAlone, storedMs, subject, data, reply };
}

/** Of what cannot be opened now nothing is given: it comes again, to somebody. */
function createPullOpening({ opening, log }: PullDeps) {
  return (message: Msg, pulled: PulledMessage, take: (message: PulledMessage) => void): void => {
    // Headers are borrowed as well.
    const msgId = isSealed(pulled.data) ? (message.headers?.get("Nats-Msg-Id") ?? "") : "";
    const give = (given: PulledMessage): void => {
      try {
        take(given);
      } catch (err) {
        log.error({ err }, "a delivery could not be taken");
      }
    };
    opening.inOrder(
      pulled,
      (data) => give({ ...pulled, data }),
      (why) => {
        if (why === "erased") give({ ...pulled, data: unreadableBytes, erased: { msgId } });
        else log.error({ subject: pulled.subject }, "a delivery is sealed and cannot be opened here now: it is left");
      },
    );
  };
}

/** With what the turn before it sends, in one write. Not when it was given up meanwhile: what came for it would be delivered to nobody. */
function createPullSending(
  nc: NatsConnection,
  { stream, consumer, outbox }: PullDeps,
  current: () => Pull | undefined,
) {
  return (id: string, request: string): void =>
    outbox.send(() => {
      const pull = current();
      if (pull?.id !== id) return;
      try {
        nc.publish(subjects.pull(stream, consumer), request, { reply: id });
      } catch (error) {
        pull.end(error instanceof Error ? error : new Error(String(error)));
      }
    });
}

/** A subscription for one pull at a time: a message does not say which pull it came for, only whose subscription. */
function createLane(nc: NatsConnection, deps: PullDeps) {
  const { log } = deps;
  const inbox = createInbox();
  const open = createPullOpening(deps);
  let next = 0;
  let pull: Pull | undefined;
  let isDraining = false;
  /** Of the newest pull: it also takes what comes late for one that was given up. */
  let take = (_message: PulledMessage): void => {};

  const handle = (message: Msg): void => {
    const pulled = pulledOf(message);
    if (pulled !== undefined) {
      open(message, pulled, take);
      if (pull !== undefined && --pull.missing === 0) pull.end();
    } else if (message.subject === pull?.id && message.headers?.code !== 100) pull.end(failureOf(message));
  };
  const subscription = nc.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      // An exception here would stop the client's read loop for good.
      try {
        if (error === null) handle(message);
      } catch (err) {
        log.error({ err }, "a delivery could not be taken");
      }
    },
  });

  const send = createPullSending(nc, deps, () => (isDraining ? undefined : pull));

  return {
    isFree: (): boolean => pull === undefined,
    end: (): void => pull?.end(),
    drain(): Promise<void> {
      isDraining = true;
      return subscription.drain();
    },

    async pull(missing: number, expiresMs: number, onMessage: typeof take): Promise<void> {
      const id = `${inbox}.${next++}`;
      take = onMessage;
      const ended = new Promise<void>((resolve, reject) => {
        const end = (error?: Error): void => (error === undefined ? resolve() : reject(error));
        pull = { id, missing, end };
      });
      try {
        const until = expiresMs === 0 ? { no_wait: true } : { expires: nanos(expiresMs) };
        send(id, JSON.stringify({ batch: missing, ...until }));
        // An end of our own: a pull that the broker never ends must not be the last one.
        await withDeadline(ended, expiresMs + answerMs, "pulling messages");
      } finally {
        pull = undefined;
      }
    },
  };
}

/**
 * Pulls over subscriptions of our own. The client's `next` cannot be ended early: what was on its way to a worker that stops was then
 * delivered to nobody until the ack wait was over.
 */
export function createConsumerPulls({ nc, onReconnect }: BrokerLink, deps: PullDeps) {
  /** As many as there ever were pulls at a time. */
  const lanes: ReturnType<typeof createLane>[] = [];
  const endAll = (): void => {
    for (const lane of lanes) lane.end();
  };
  // The broker forgets the pulls of a connection that broke.
  onReconnect(endAll);

  return {
    /** Ends when `most` messages have come, or after `expiresMs`; with 0 when all have come that are there. Throws when the broker cannot be asked. */
    async pull(most: number, expiresMs: number, onMessage: (message: PulledMessage) => void): Promise<void> {
      let lane = lanes.find(({ isFree }) => isFree());
      if (lane === undefined) lanes.push((lane = createLane(nc, deps)));
      await lane.pull(most, expiresMs, onMessage);
    },

    /** Takes what is still on its way here, and then nothing more: afterwards no message can be delivered to this process. */
    async end(): Promise<void> {
      // Without the broker there is nothing on its way.
      await withDeadline(Promise.all(lanes.map(({ drain }) => drain())), drainMs, "ending pulls").catch(() => {});
      endAll();
    },
  };
}
