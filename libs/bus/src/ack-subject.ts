import { streams, turnsConsumer } from "@parley/protocol";

const ackPrefix = "$JS.ACK";

/** What the broker says of a message that a consumer gets, in the subject on which it is acknowledged. */
export interface DeliveryPlace {
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
  /** Sequence in the stream. */
  readonly seq: number;
  /** Which one of the consumer's deliveries it is, from 1. */
  readonly nth: number;
  /** When the broker stored it, by the broker's clock. */
  readonly storedMs: number;
}

/** `$JS.ACK.<stream>.<consumer>.` */
const shortHead = 4;
/** `$JS.ACK.<domain>.<account>.<stream>.<consumer>.`: how newer brokers may write it; with one token more at its end. */
const longHead = 6;
const shortTokens = 9;

/** Reads `….<deliveries>.<stream seq>.<consumer seq>.<stored, ns>.<pending>`. */
export function parseAckSubject(subject: string): DeliveryPlace {
  const tokens = subject.split(".");
  const from = tokens.length > shortTokens ? longHead : shortHead;
  const [deliveries = 0, seq = 0, nth = 0, storedNs = 0] = tokens.slice(from, from + 4).map(Number);
  return { deliveries, seq, nth, storedMs: storedNs / 1e6 };
}

/** Such a subject for a delivery of the turns' consumer, of which no more is known than this. */
export function ackSubject({ seq, nth }: Pick<DeliveryPlace, "seq" | "nth">): string {
  return `${ackPrefix}.${streams.turns}.${turnsConsumer}.1.${seq}.${nth}.0.0`;
}

/** Whether it is one, and can be published to: what it comes from was stored by somebody else. */
export function isAckSubject(subject: string): boolean {
  return subject.startsWith(`${ackPrefix}.`) && /^[\w$.-]+$/.test(subject);
}

/** Which one of the consumer's deliveries is answered there. */
export function deliveryNumber(subject: string): number {
  return parseAckSubject(subject).nth;
}
