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

interface SealedToken {
  readonly seq: number;
  readonly data: Uint8Array;
}

/** Small values that several processes share, each on a subject of its own, of which the last one counts. What is in them the broker cannot read. */
export interface SealedTokens {
  /** By the word of the stream's leader; undefined: there is none. */
  last(hash: string): Promise<SealedToken | undefined>;
  /** Stores it if nothing came behind that sequence (0: none). Returns its own; undefined: somebody was first. Throws when nobody can know, or there is no room. */
  put(hash: string, data: Uint8Array, behind: number): Promise<number | undefined>;
}

/** A stream of such values. */
export interface TokenPlace {
  readonly stream: string;
  readonly all: string;
  readonly subject: (hash: string) => string;
  readonly maxBytes: number;
  /** A value that nobody has written for so long is forgotten, ms; 0: never. */
  readonly maxAgeMs: number;
}

const mib = 2 ** 20;
const dayMs = 86_400_000;

/** Tokens of the deployment itself, which only tool workers may read and write. */
const deploymentTokens: TokenPlace = {
  ...{ stream: streams.tokens, all: subjects.allTokens, subject: subjects.token },
  ...{ maxBytes: 64 * mib, maxAgeMs: 0 },
};

/** Those of people: edges store what people connect. Apart from the others, as whoever may read a stream may read all of it. */
export const connectionTokens: TokenPlace = {
  ...{ stream: streams.connections, all: subjects.allConnections, subject: subjects.connection },
  ...{ maxBytes: 128 * mib, maxAgeMs: 400 * dayMs },
};

const answerMs = 5_000;
const wrongLastSequence = 10_071;
const streamNameInUse = 10_058;

export interface TokenPlaceOptions {
  /** Default: 1. */
  readonly replicas?: number;
  /** Default: `deploymentTokens`. */
  readonly place?: TokenPlace;
}

/** Makes the stream if it is not there. */
export async function openSealedTokens(
  { nc }: Pick<BrokerLink, "nc">,
  { replicas = 1, place = deploymentTokens }: TokenPlaceOptions = {},
): Promise<SealedTokens> {
  const options = { checkAPI: false, timeout: answerMs };
  const jsm = await jetstreamManager(nc, options);
  const js = jetstream(nc, options);
  await makeStream(jsm, place, replicas);
  return {
    async last(hash) {
      const found = await jsm.streams.getMessage(place.stream, { last_by_subj: place.subject(hash) });
      return found === null ? undefined : { seq: found.seq, data: found.data };
    },
    async put(hash, data, behind) {
      try {
        const expect = { lastSubjectSequence: behind };
        return (await js.publish(place.subject(hash), data, { expect, retries: 0 })).seq;
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === wrongLastSequence) return undefined;
        throw error;
      }
    },
  };
}

async function makeStream(jsm: JetStreamManager, place: TokenPlace, replicas: number): Promise<void> {
  const { stream: name, all, maxBytes, maxAgeMs } = place;
  try {
    await jsm.streams.add({
      name,
      subjects: [all],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_msgs_per_subject: 1,
      max_bytes: maxBytes,
      max_age: maxAgeMs * 1e6,
      num_replicas: replicas,
    });
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== streamNameInUse) throw error;
  }
}
