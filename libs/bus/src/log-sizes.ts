import type { ConversationId } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import type { Redis } from "ioredis";

/** Whose conversations take room in the log. */
export interface LogOwner {
  readonly user: string;
  readonly tenant?: string | undefined;
}

export interface LogBytes {
  readonly user: number;
  /** 0: of no tenant. */
  readonly tenant: number;
}

export type LogSizes = ReturnType<typeof createLogSizes>;

/** No conversation is called so. */
const all = "*";

/**
 * The keys: of a user a hash with the bytes of each conversation, and of all together under `*`; of a tenant a number. Both begin with `limits:log:`.
 */
const userKey = (user: string): string => `limits:log:user:${user}`;
const tenantKey = (tenant: string): string => `limits:log:tenant:${tenant}`;

/** KEYS: the user's and, if there is one, the tenant's. ARGV: the conversation. Takes what it had from both. */
const forgetScript = `
local bytes = tonumber(redis.call("HGET", KEYS[1], ARGV[1]) or "0")
if bytes == 0 then return 0 end
redis.call("HDEL", KEYS[1], ARGV[1])
redis.call("HINCRBY", KEYS[1], "${all}", -bytes)
if KEYS[2] and redis.call("DECRBY", KEYS[2], bytes) < 0 then redis.call("SET", KEYS[2], "0") end
return bytes
`;

/**
 * KEYS: of each turn the user's, then those of tenants. ARGV: how many turns, then of each its conversation and bytes, then the bytes for each tenant.
 */
const addScript = `
local turns = tonumber(ARGV[1])
for i = 1, turns do
  redis.call("HINCRBY", KEYS[i], ARGV[2 * i], ARGV[2 * i + 1])
  redis.call("HINCRBY", KEYS[i], "${all}", ARGV[2 * i + 1])
end
for i = turns + 1, #KEYS do redis.call("INCRBY", KEYS[i], ARGV[turns + 1 + i]) end
return turns
`;

interface StoredTurn extends LogOwner {
  readonly conversation: ConversationId;
  readonly bytes: number;
}

/** Turns are told together after so long, in one command: one for each would cost every turn what a few users need. */
const tellAfterMs = 200;

/** Tells Redis what was stored, a few turns at a time. */
function createTelling(redis: Redis) {
  let waiting: StoredTurn[] = [];
  let telling: Promise<void> | undefined;

  const tell = async (): Promise<void> => {
    await sleep(tellAfterMs);
    const turns = waiting;
    waiting = [];
    telling = undefined;
    const ofTenants = turns.flatMap(({ tenant, bytes }) => (tenant === undefined ? [] : [{ tenant, bytes }]));
    const keys = [...turns.map(({ user }) => userKey(user)), ...ofTenants.map(({ tenant }) => tenantKey(tenant))];
    const values = [
      ...turns.flatMap(({ conversation, bytes }) => [conversation, bytes]),
      ...ofTenants.map(({ bytes }) => bytes),
    ];
    await redis.eval(addScript, keys.length, ...keys, turns.length, ...values).catch(() => {
      // Redis has gone away: these turns are not counted.
    });
  };

  return (turn: StoredTurn): Promise<void> => {
    waiting.push(turn);
    telling ??= tell();
    return telling;
  };
}

/**
 * How much of the log is whose, in Redis. It counts what is stored while Redis is there: of what was stored before, while it was away, or in the last moment of a worker, it knows nothing, and a
 * turn that two workers ended counts twice. It bounds who fills the log; it is no bill.
 */
export function createLogSizes(redis: Redis) {
  const tell = createTelling(redis);
  return {
    /** A turn was stored. Never throws, and nobody needs to wait. */
    async add(owner: LogOwner, conversation: ConversationId, bytes: number): Promise<void> {
      if (redis.status === "ready") await tell({ ...owner, conversation, bytes });
    },

    /** Throws while Redis is away. */
    async of({ user, tenant }: LogOwner): Promise<LogBytes> {
      const [own, shared] = await Promise.all([
        redis.hget(userKey(user), all),
        tenant === undefined ? null : redis.get(tenantKey(tenant)),
      ]);
      return { user: Number(own ?? 0), tenant: Number(shared ?? 0) };
    },

    /** A conversation was deleted. Never throws. */
    async forget({ user, tenant }: LogOwner, conversation: ConversationId): Promise<void> {
      const keys = [userKey(user), ...(tenant === undefined ? [] : [tenantKey(tenant)])];
      await redis.eval(forgetScript, keys.length, ...keys, conversation).catch(() => {
        // Redis is away: it goes on to count.
      });
    },
  };
}
