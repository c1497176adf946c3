import { JetStreamApiError, type JetStreamManager, type MsgRequest } from "@nats-io/jetstream";
import { createBackoff, sleep, type Backoff } from "@parley/runtime";
import { directGet, type FoundMessage, type LookupQuery } from "./direct-get.ts";
import type { Requests } from "./requests.ts";

/** An answer that was under way when the connection broke never comes, so a look-up asks again soon. */
export const askTimeoutMs = 2_000;
const patienceMs = 10_000;
/**
 * A server that ceases to lead a stream drops what it is asked without a word, and another one leads some 50 ms later: seen in each change of leaders.
 * So on a cluster a look-up is asked up to two times more while it waits. The times after it was asked first.
 */
const askAgainAfterMs = [250, 750];
/** "JetStream system temporarily unavailable": the stream has no leader at the moment. It says nothing of what was asked. */
const noLeader = 10_008;

function isAnswer(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code !== noLeader;
}

/** Tries a question again until the broker answers, for up to 10 s. What the broker does say, also a refusal, counts at once. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patienceMs;
  let backoff: Backoff | undefined;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (isAnswer(error) || performance.now() > deadline) throw error;
    }
    backoff ??= createBackoff({ minMs: 50, maxMs: 500 });
    await sleep(backoff.nextMs());
  }
}

/** What comes first counts, an answer or a failure. */
function askRepeatedly<T>(ask: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const askOnce = (): void => {
      const stop = (): void => timers.forEach(clearTimeout);
      ask().finally(stop).then(resolve, reject);
    };
    const timers = askAgainAfterMs.map((afterMs) => setTimeout(askOnce, afterMs));
    askOnce();
  });
}

/**
 * Of a stream that has no leader for long, any member tells how its own copy stands (2.12.1), and so does one that has just been started: it may lack what was
 * acknowledged. That is no answer.
 */
function ofLeader<T extends { readonly cluster?: { readonly leader?: string } }>(info: T): T {
  if (info.cluster !== undefined && (info.cluster.leader ?? "") === "") throw new Error("no server leads the stream");
  return info;
}

export type PatientLookups = ReturnType<typeof createPatientLookups>;

export interface LookupOptions {
  /** Copies of each stream. */
  readonly replicas: number;
}

/** The look-ups this library makes, none of which is lost to a broker that is away for a moment. */
export function createPatientLookups(jsm: JetStreamManager, requests: Requests, { replicas }: LookupOptions) {
  /** For what may be asked twice. */
  const askLeader = <T>(ask: () => Promise<T>): Promise<T> => patiently(replicas > 1 ? () => askRepeatedly(ask) : ask);
  const fromLeader = (stream: string, query: MsgRequest): Promise<FoundMessage | null> =>
    askLeader(() => jsm.streams.getMessage(stream, query));
  /**
   * Any copy answers a direct get, also one that is behind: a server that had stood still for 5 s did not show a turn that was queued, and the
   * next one of its conversation ran beside it. The leader takes the same queries.
   */
  const lookUp = (stream: string, query: LookupQuery): Promise<FoundMessage | null> =>
    replicas > 1 ? fromLeader(stream, query) : patiently(() => directGet(requests, stream, query, askTimeoutMs));
  /** What never changes, at its sequence: whichever copy has it, is right. That it is not there only the leader can say. */
  const lookUpKept = async (stream: string, seq: number): Promise<FoundMessage | null> => {
    if (replicas === 1) return lookUp(stream, { seq });
    const found = await directGet(requests, stream, { seq }, askTimeoutMs).catch(() => null);
    return found ?? fromLeader(stream, { seq });
  };
  return {
    lookUp,
    /** Also from a copy that is a moment behind: for who may ask the leader for nothing, and where a moment does not matter. */
    lookUpAnyCopy: (stream: string, query: LookupQuery): Promise<FoundMessage | null> =>
      patiently(() => directGet(requests, stream, query, askTimeoutMs)),
    lookUpKept,
    streams: {
      getMessage: fromLeader,
      info: (stream: string) => askLeader(async () => ofLeader(await jsm.streams.info(stream))),
      /** The subjects of a stream that fit, each with at least one message. */
      subjects: async (stream: string, filter: string): Promise<string[]> => {
        const options = { subjects_filter: filter };
        const { state } = await askLeader(async () => ofLeader(await jsm.streams.info(stream, options)));
        return Object.keys(state.subjects ?? {});
      },
      purge: jsm.streams.purge.bind(jsm.streams),
      deleteMessage: jsm.streams.deleteMessage.bind(jsm.streams),
    },
    consumers: {
      info: (stream: string, consumer: string) => askLeader(() => jsm.consumers.info(stream, consumer)),
      // Not repeated by itself: a consumer that was made although the answer is lost would deliver to the same inbox.
      add: jsm.consumers.add.bind(jsm.consumers),
      delete: jsm.consumers.delete.bind(jsm.consumers),
    },
  };
}
