import { randomBytes } from "node:crypto";
import type { Bus } from "@parley/bus";
import { sharedKeyPrefixes, type ConversationId, type TurnId } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import type { Redis } from "../commands/conversations/conversation-index.ts";

/** A stream lasts ten minutes at most by default, and who was cut comes back soon after. */
const keptMs = 30 * 60_000;
/** Who gets a replay need not be who was cut: a page in another tab may be quicker than the one that has half an answer. */
const againMs = 60_000;
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

/** By stream until when it counts. One that goes on for a client takes the place of that client's one before, at the same moment. */
const beginScript = `
if ARGV[3] == 'continued' then redis.call('ZPOPMAX', KEYS[1]) end
if redis.call('ZCARD', KEYS[1]) < ${mostStreams} then redis.call('ZADD', KEYS[1], ARGV[1] + ${keptMs}, ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], ${keptMs})`;

/** One replay, one that was cut; those within the time of one before are the same page's, or that of who came second. */
const replayedScript = `
local again = ARGV[1] + ${againMs}
if redis.call('ZCOUNT', KEYS[1], ARGV[1], again) > 0 then return end
local cut = redis.call('ZRANGE', KEYS[1], -1, -1)[1]
if cut then redis.call('ZADD', KEYS[1], again, cut) end`;

/** `replay`: of an answer that has ended, for whoever was cut. `continued`: for a client that says what it has. */
export type StreamKind = "first" | "replay" | "continued";

/**
 * Streams of a turn that were begun and have not come to their end: of a client that was cut, of an edge that was killed, or still under way. For protocols
 * whose clients ask for what there is without saying what they have: an answer that has ended is replayed only where somebody may lack its end. Kept in
 * Redis, one set of streams for each turn, since one that ends well must not hide another that was cut; where it is away nothing is replayed.
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
    begin(turn: TurnId, kind: StreamKind): BegunStream {
      const key = keyOf(turn);
      if (kind === "replay")
        return { ended: () => void ask((store) => store.eval(replayedScript, 1, key, Date.now())) };
      const id = randomBytes(9).toString("base64url");
      void ask((store) => store.eval(beginScript, 1, key, Date.now(), id, kind));
      return { ended: () => void ask((store) => store.zrem(key, id)) };
    },

    /** The last turn of the conversation, if it has ended and a stream of it has not, as far as is known. Whoever asks has been let in. */
    async lastCut(conversation: ConversationId): Promise<TurnId | undefined> {
      const newest = await transcripts.newest(conversation);
      if (newest?.answer === undefined) return undefined;
      const { turn_id } = newest;
      const cut = await ask((store) => store.zcount(keyOf(turn_id), Date.now(), "+inf"));
      return cut === undefined || cut === 0 ? undefined : turn_id;
    },
  };
}

function keyOf(turn: TurnId): string {
  return `${sharedKeyPrefixes.requests}cut-streams:${turn}`;
}
