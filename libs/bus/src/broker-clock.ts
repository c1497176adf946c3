import { streams } from "@parley/protocol";
import type { PatientLookups } from "./patient-lookups.ts";
import { addReadConsumer } from "./stream-consumer.ts";

/** Monotonic clocks drift by less than a few milliseconds in it. */
const measuredForMs = 60_000;

interface Measured {
  readonly brokerMs: number;
  /** A `performance.now`. */
  readonly atMs: number;
}

/**
 * The broker's clock, for times that several processes must agree on: their own differ. It is read off what the broker says of a consumer that is made for it: so there is
 * nothing to be stored. Too early by at most one round trip.
 */
export function createBrokerClock(jsm: PatientLookups): () => Promise<number> {
  let measured: Measured | undefined;
  const measure = async (): Promise<Measured> => {
    const consumer = await addReadConsumer(jsm, { stream: streams.events(0), fromSeq: 1 });
    consumer.remove();
    return { brokerMs: consumer.createdMs, atMs: performance.now() };
  };
  return async () => {
    if (measured === undefined || performance.now() - measured.atMs > measuredForMs) measured = await measure();
    return measured.brokerMs + Math.max(0, performance.now() - measured.atMs);
  };
}
