import { streams } from "@parley/protocol";
import type { PatientLookups } from "./patient-lookups.ts";
import { createSharedLookup } from "./shared-lookup.ts";
import { addReadConsumer } from "./stream-consumer.ts";

/** The time by the broker's clock: of everything that is stored, and the same for all processes, whatever their own clocks say. */
export interface BrokerClock {
  /** Never ahead of the broker; behind it by what its answer took. Rejects when the broker does not answer. */
  nowMs(): Promise<number>;
}

/** For so long it is counted on by monotonic time, which no jump of the wall clock moves. */
const trustedMs = 30_000;
/** An answer that took longer says little: this process may have stood still before it read it. It is good for this once. */
const promptMs = 500;

interface Reading {
  readonly brokerMs: number;
  readonly atMs: number;
  readonly trustedUntilMs: number;
}

/** Nothing is asked before somebody wants to know. */
export function createBrokerClock(jsm: PatientLookups): BrokerClock {
  let last: Reading | undefined;
  const ask = createSharedLookup(async () => {
    const askedMs = performance.now();
    const brokerMs = await askBroker(jsm);
    const atMs = performance.now();
    const isPrompt = atMs - askedMs < promptMs;
    last = { brokerMs, atMs, trustedUntilMs: isPrompt ? atMs + trustedMs : atMs };
    return last;
  });
  return {
    async nowMs() {
      const known = last !== undefined && performance.now() < last.trustedUntilMs ? last : await ask();
      return Math.floor(known.brokerMs + performance.now() - known.atMs);
    },
  };
}

/** With the state of a stream, from 2.10 on; before that only new consumers say what time it is. */
async function askBroker(jsm: PatientLookups): Promise<number> {
  const { ts } = await jsm.streams.info(streams.events(0));
  if (ts !== undefined) return Date.parse(ts);
  const consumer = await addReadConsumer(jsm, { stream: streams.events(0), fromSeq: 1 });
  consumer.remove();
  return consumer.createdMs;
}
