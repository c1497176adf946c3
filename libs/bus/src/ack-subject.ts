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
