import { randomBytes } from "node:crypto";
import { sharedKeyPrefixes, type TurnId } from "@parley/protocol";
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

export type BegunStreams = ReturnType<typeof createBegunStreams>;

const lib = `
local function begin(stream)
  if redis.call('SCARD', KEYS[1]) < ${mostStreams} then redis.call('SADD', KEYS[1], stream) end
  redis.call('PEXPIRE', KEYS[1], ${keptMs})
end`;
const beginScript = `${lib}
begin(ARGV[1])`;
/** The stream that replays stands for the one that was cut: a process that is killed in between loses neither. */
const replaceScript = `${lib}
if not redis.call('SPOP', KEYS[1]) then return 0 end
begin(ARGV[1])
return 1`;

/**
 * Streams of a turn that were begun and have not come to their end: of a client that was cut, of an edge that was killed, or still under way. For protocols
 * whose clients ask for what there is without saying what they have: an answer that has ended is replayed only to who may lack its end. Kept in Redis, one
 * set of streams for each turn, since one that ends well must not hide another that was cut; where it is away nothing is replayed.
 */
export function createBegunStreams({ redis, log }: { readonly redis: Redis | undefined; readonly log: Logger }) {
  const ask = <T>(command: (store: Redis) => Promise<T>): Promise<T | undefined> => {
    if (redis === undefined) return Promise.resolve(undefined);
    return withDeadline(command(redis), redisMs, "which streams were cut").catch((err: unknown) => {
      log.debug({ err }, "which streams were cut is not known to all edges");
      return undefined;
    });
  };
  const streamOf = (turn: TurnId, id: string): BegunStream => ({
    ended: () => void ask((store) => store.srem(keyOf(turn), id)),
  });
  const newId = (): string => randomBytes(9).toString("base64url");

  return {
    begin(turn: TurnId): BegunStream {
      const id = newId();
      void ask((store) => store.eval(beginScript, 1, keyOf(turn), id));
      return streamOf(turn, id);
    },

    /** Whether one has not come to its end. */
    hasCut: async (turn: TurnId): Promise<boolean> => ((await ask((store) => store.exists(keyOf(turn)))) ?? 0) > 0,

    /** Begins one in place of one that has not come to its end; undefined: there is none, or nobody knows. */
    async replace(turn: TurnId): Promise<BegunStream | undefined> {
      const id = newId();
      const isReplaced = await ask((store) => store.eval(replaceScript, 1, keyOf(turn), id));
      return isReplaced === 1 ? streamOf(turn, id) : undefined;
    },
  };
}

function keyOf(turn: TurnId): string {
  return `${sharedKeyPrefixes.requests}cut-streams:${turn}`;
}
