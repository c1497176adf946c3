import {
  DiscardPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { streams, subjects } from "@parley/protocol";
import type { BrokerLink } from "./nats-connection.ts";

export interface SealedToken {
  readonly seq: number;
  readonly data: Uint8Array;
}

/** Small values that all tool workers share, each on a subject of its own, of which the last one counts. What is in them the broker cannot read. */
export interface SealedTokens {
  /** By the word of the stream's leader; undefined: there is none. */
  last(hash: string): Promise<SealedToken | undefined>;
  /** Stores it if nothing came behind that sequence (0: none). Returns its own; undefined: somebody was first. Throws when nobody can know. */
  put(hash: string, data: Uint8Array, behind: number): Promise<number | undefined>;
}

const answerMs = 5_000;
const maxBytes = 64 * 2 ** 20;
const wrongLastSequence = 10_071;
const streamNameInUse = 10_058;

/** Makes the stream if it is not there. */
export async function openSealedTokens({ nc }: Pick<BrokerLink, "nc">, replicas = 1): Promise<SealedTokens> {
  const options = { checkAPI: false, timeout: answerMs };
  const jsm = await jetstreamManager(nc, options);
  const js = jetstream(nc, options);
  await makeStream(jsm, replicas);
  return {
    async last(hash) {
      const found = await jsm.streams.getMessage(streams.tokens, { last_by_subj: subjects.token(hash) });
      return found === null ? undefined : { seq: found.seq, data: found.data };
    },
    async put(hash, data, behind) {
      try {
        const stored = await js.publish(subjects.token(hash), data, {
          expect: { lastSubjectSequence: behind },
          retries: 0,
        });
        return stored.seq;
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === wrongLastSequence) return undefined;
        throw error;
      }
    },
  };
}

async function makeStream(jsm: JetStreamManager, replicas: number): Promise<void> {
  try {
    await jsm.streams.add({
      name: streams.tokens,
      subjects: [subjects.allTokens],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_msgs_per_subject: 1,
      max_bytes: maxBytes,
      num_replicas: replicas,
    });
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== streamNameInUse) throw error;
  }
}
