import { randomBytes } from "node:crypto";
import type { Bus } from "@parley/bus";
import { sharedKeyPrefixes, type ConversationId, type TurnId } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import type { Redis } from "../commands/conversations/conversation-index.ts";

/** A stream lasts ten minutes at most by default, and who was cut comes back soon after. */
const keptMs = 30 * 60_000;
/** Of one turn. Who has that many cut has no use for more replays. */
const mostStreams = 64;
const redisMs = 250;

/** One stream of a turn. */
export interface BegunStream {
  /** It has come to its end, and all of it was sent. */
  ended(): void;
}

export interface BegunStreamDeps {
  /** Undefined: there is none here. */
  readonly redis: Redis | undefined;
  readonly transcripts: Pick<Bus["transcripts"], "newest">;
  readonly log: Logger;
}

export type BegunStreams = ReturnType<typeof createBegunStreams>;

/** The stream that replays stands for the one that was cut, from the same moment on. */
const beginScript = `
if ARGV[2] == 'replay' and not redis.call('SPOP', KEYS[1]) then return end
if redis.call('SCARD', KEYS[1]) < ${mostStreams} then redis.call('SADD', KEYS[1], ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], ${keptMs})`;

/**
 * Streams of a turn that were begun and have not come to their end: of a client that was cut, of an edge that was killed, or still under way. For protocols
 * whose clients ask for what there is without saying what they have: an answer that has ended is replayed only to who may lack its end. Kept in Redis, one
 * set of streams for each turn, since one that ends well must not hide another that was cut; where it is away nothing is replayed.
 */
export function createBegunStreams({ redis, transcripts, log }: BegunStreamDeps) {
  const ask = <T>(command: (store: Redis) => Promise<T>): Promise<T | undefined> => {
    if (redis === undefined) return Promise.resolve(undefined);
    return withDeadline(command(redis), redisMs, "which streams were cut").catch((err: unknown) => {
      log.debug({ err }, "which streams were cut is not known to all edges");
      return undefined;
    });
  };

  return {
    /** `isReplay`: in place of one that has not come to its end. */
    begin(turn: TurnId, isReplay: boolean): BegunStream {
      const id = randomBytes(9).toString("base64url");
      void ask((store) => store.eval(beginScript, 1, keyOf(turn), id, isReplay ? "replay" : "first"));
      return { ended: () => void ask((store) => store.srem(keyOf(turn), id)) };
    },

    /** The last turn of the conversation, if it has ended and a stream of it has not, as far as is known. Whoever asks has been let in. */
    async lastCut(conversation: ConversationId): Promise<TurnId | undefined> {
      const newest = await transcripts.newest(conversation);
      if (newest?.answer === undefined) return undefined;
      const { turn_id } = newest;
      return (await ask((store) => store.exists(keyOf(turn_id)))) === 1 ? turn_id : undefined;
    },
  };
}

function keyOf(turn: TurnId): string {
  return `${sharedKeyPrefixes.requests}cut-streams:${turn}`;
}
