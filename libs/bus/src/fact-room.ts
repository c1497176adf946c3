import { ChatError, streams } from "@parley/protocol";
import type { PatientLookups } from "./patient-lookups.ts";

/**
 * Beyond what new turns may fill, the stream has a quarter more, for those that run. And nobody relies on the broker's own bound: nats-server 2.9.10 takes
 * a message that fits without its subject and header, and then drops the oldest one for it (seen), with `discard: new` too.
 */
const reserve = 1.25;
const lookEveryMs = 1_000;

/** The bound of the stream itself, of that for new turns. */
export function factStreamBytes(factsMaxBytes: number): number {
  return Math.ceil(factsMaxBytes * reserve);
}

const retryAfterMs = 30_000;

/** The stream of facts is full, or its disk. For who cannot wait until there is room again. */
export class FactsFullError extends ChatError {
  constructor(description: string) {
    const message = "The service cannot accept anything new at the moment: its memory of decisions is full.";
    super("OVERLOADED", { message, retryAfterMs, cause: new Error(description) });
    this.name = "FactsFullError";
  }
}

interface Known {
  fill: number;
  askedAt: number;
}

/** How full the streams of facts are. */
export function createFactRoom(jsm: Pick<PatientLookups, "streams">, shards: number) {
  const known = new Map<number, Known>();

  const ask = async (shard: number): Promise<number> => {
    const { config, state } = await jsm.streams.info(streams.facts(shard));
    const fill = config.max_bytes > 0 ? (state.bytes * reserve) / config.max_bytes : 0;
    known.set(shard, { fill, askedAt: performance.now() });
    return fill;
  };
  const askAgain = (shard: number, before: Known | undefined): void => {
    known.set(shard, { fill: before?.fill ?? 0, askedAt: performance.now() });
    // Whether there is room is no reason to keep a message waiting, nor to refuse it when nobody can tell.
    ask(shard).catch(() => undefined);
  };

  return {
    /** As of a second ago: nobody waits for an answer. */
    isFull(shard: number): boolean {
      const before = known.get(shard);
      if (before === undefined || performance.now() - before.askedAt > lookEveryMs) askAgain(shard, before);
      return (before?.fill ?? 0) >= 1;
    },

    /** Of the fullest stream, from 0; at 1 and above no new turn is accepted. */
    fill: async (): Promise<number> =>
      Math.max(...(await Promise.all(Array.from({ length: shards }, (_, shard) => ask(shard))))),
  };
}
