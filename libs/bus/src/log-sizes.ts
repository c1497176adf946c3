import type { ConversationId } from "@parley/protocol";
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
 * How much of the log is whose, in Redis. It counts what is stored while Redis is there: of what was stored before, or while it was away, it knows nothing, and a turn that two workers ended
 * counts twice. It bounds who fills the log; it is no bill.
 */
export function createLogSizes(redis: Redis) {
  return {
    /** A turn was stored. Never throws, and nobody needs to wait. */
    async add({ user, tenant }: LogOwner, conversation: ConversationId, bytes: number): Promise<void> {
      if (redis.status !== "ready") return;
      try {
        await Promise.all([
          redis.hincrby(userKey(user), conversation, bytes),
          redis.hincrby(userKey(user), all, bytes),
          ...(tenant === undefined ? [] : [redis.incrby(tenantKey(tenant), bytes)]),
        ]);
      } catch {
        // Redis has gone away: this turn is not counted.
      }
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
