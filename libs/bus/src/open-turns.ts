import type { ConversationId, TurnId } from "@parley/protocol";
import type { Redis } from "ioredis";
import { z } from "zod";
import { answeredWithin } from "./redis-deadline.ts";

/** A turn that waits or runs, and whose it is. */
export interface OpenTurn {
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  readonly user: string;
  readonly tenant?: string | undefined;
}

/** What turns are counted for. */
export type Holder = { readonly user: string } | { readonly tenant: string };

export interface MostOpen {
  readonly perUser: number;
  readonly perTenant: number;
}

/** "known": it was counted before. "full": it was not counted, as so many of its user or tenant are open. */
export type Added = "added" | "known" | { readonly full: "user" | "tenant" };

export interface OpenTurns {
  /** Counts the turn, unless as many are open. Never throws. */
  add(turn: OpenTurn, most: MostOpen): Promise<Added>;
  /** Its end: called by whoever ended it, once it has left the queue; and by who counted it and could not queue it. Never throws. */
  remove(turn: OpenTurn): Promise<void>;
  /** How many are open. Throws while Redis is away. */
  count(holder: Holder): Promise<number>;
  /** Those that have been open for the longest, so that it can be looked whether they still are; while Redis is away, of those counted here. */
  oldest(holder: Holder, most: number): Promise<Pick<OpenTurn, "conversation" | "turn">[]>;
}

export interface OpenTurnsDeps {
  /** In the role `cache`: it fails fast. Undefined: there is none, and each process counts for itself. */
  readonly redis: Redis | undefined;
  /** Redis is waited for no longer than this. Default: 100 ms. */
  readonly deadlineMs?: number;
}

/**
 * The keys: sorted sets of `<conversation>.<turn>`, each scored with when it is forgotten (ms since 1970, by the clock of Redis). All begin with `limits:open:`.
 */
export const openTurnsKey = (holder: Holder): string =>
  "user" in holder ? `limits:open:user:${holder.user}` : `limits:open:tenant:${holder.tenant}`;

/** A turn whose end nobody tells is forgotten after this, which is the longest that one may wait (`turnQueueAgeMs`). */
const keptMs = 3_600_000;
const defaultDeadlineMs = 100;
/** After Redis was too slow for one message, the next ones do not wait for it for so long. */
const restMs = 1_000;
/** While Redis is away a turn counts for so long: nobody tells this process when it ends. */
const localMs = 60_000;
const maxLocal = 10_000;
const maxUntold = 10_000;

/**
 * KEYS: the user's turns and, if there is one, the tenant's. ARGV: the member, for how long it is kept (ms), and how many each may have.
 * Returns 0 when it was added, -1 when it was there, else the number of the key that is full.
 */
const addScript = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call("ZSCORE", KEYS[1], ARGV[1]) then return -1 end
for i, key in ipairs(KEYS) do
  redis.call("ZREMRANGEBYSCORE", key, "-inf", now)
  if redis.call("ZCARD", key) >= tonumber(ARGV[i + 2]) then return i end
end
for _, key in ipairs(KEYS) do
  redis.call("ZADD", key, now + ARGV[2], ARGV[1])
  redis.call("PEXPIRE", key, ARGV[2])
end
return 0
`;

const Reply = z.number();

/** The turns of each user and tenant that wait or run, counted in Redis by all edges; while it is away, roughly by each edge for itself. */
export function createOpenTurns({ redis, deadlineMs = defaultDeadlineMs }: OpenTurnsDeps): OpenTurns {
  const local = createLocalTurns();
  const removals = createRemovals(redis);
  let restsUntilMs = -Infinity;

  const addShared = async (shared: Redis, turn: OpenTurn, { perUser, perTenant }: MostOpen): Promise<Added> => {
    const keys = keysOf(turn);
    const reply = await shared.eval(addScript, keys.length, ...keys, memberOf(turn), keptMs, perUser, perTenant);
    const said = Reply.parse(reply);
    if (said <= 0) return said === 0 ? "added" : "known";
    return { full: said === 1 ? "user" : "tenant" };
  };

  return {
    async add(turn, most) {
      const nowMs = performance.now();
      if (redis?.status !== "ready" || nowMs < restsUntilMs) return local.add(turn, most, nowMs);
      try {
        const added = await answeredWithin(addShared(redis, turn, most), deadlineMs);
        removals.catchUp();
        return added;
      } catch {
        restsUntilMs = performance.now() + restMs;
        return local.add(turn, most, nowMs);
      }
    },
    async remove(turn) {
      local.remove(turn);
      await removals.remove(turn);
    },
    count: async (holder) => demand(redis).zcard(openTurnsKey(holder)),
    async oldest(holder, most) {
      const key = openTurnsKey(holder);
      const isLocal = redis?.status !== "ready" || performance.now() < restsUntilMs;
      const members = isLocal ? local.oldest(key, most) : await redis.zrange(key, "0", String(most - 1));
      return members.flatMap((member) => {
        const [conversation, turn] = member.split(".");
        return conversation === undefined || turn === undefined ? [] : [{ conversation, turn }];
      });
    },
  };
}

function demand(redis: Redis | undefined): Redis {
  if (redis === undefined) throw new Error("there is no Redis here");
  return redis;
}

/** Ends of turns. What could not be told while Redis was away is told with the next thing that can. */
function createRemovals(redis: Redis | undefined) {
  const untold = new Map<string, OpenTurn>();

  const remove = async (turn: OpenTurn): Promise<void> => {
    if (redis === undefined) return;
    try {
      await Promise.all(keysOf(turn).map((key) => redis.zrem(key, memberOf(turn))));
      catchUp();
    } catch {
      // Redis is away. Should this process end before it is back, the turn is forgotten when its time is over.
      untold.set(memberOf(turn), turn);
      const [oldest] = untold.keys();
      if (untold.size > maxUntold && oldest !== undefined) untold.delete(oldest);
    }
  };

  const catchUp = (): void => {
    if (untold.size === 0) return;
    const late = [...untold.values()];
    untold.clear();
    for (const turn of late) void remove(turn);
  };
  return { remove, catchUp };
}

function memberOf({ conversation, turn }: Pick<OpenTurn, "conversation" | "turn">): string {
  return `${conversation}.${turn}`;
}

function keysOf({ user, tenant }: OpenTurn): string[] {
  return [openTurnsKey({ user }), ...(tenant === undefined ? [] : [openTurnsKey({ tenant })])];
}

/** What this process has accepted within the last minute. */
function createLocalTurns() {
  /** By holder, then by turn: until when it counts (a `performance.now`). */
  const held = new Map<string, Map<string, number>>();

  const of = (key: string, nowMs: number): Map<string, number> => {
    const turns = held.get(key) ?? new Map<string, number>();
    for (const [member, untilMs] of turns) if (untilMs <= nowMs) turns.delete(member);
    return turns;
  };

  return {
    add(turn: OpenTurn, { perUser, perTenant }: MostOpen, nowMs: number): Added {
      const member = memberOf(turn);
      const places = keysOf(turn).map((key) => ({ key, turns: of(key, nowMs) }));
      if (places[0]?.turns.has(member) === true) return "known";
      const most = [perUser, perTenant];
      const full = places.findIndex(({ turns }, i) => turns.size >= (most[i] ?? Infinity));
      if (full !== -1) return { full: full === 0 ? "user" : "tenant" };
      for (const { key, turns } of places) {
        turns.set(member, nowMs + localMs);
        held.delete(key);
        held.set(key, turns);
      }
      const [oldest] = held.keys();
      if (held.size > maxLocal && oldest !== undefined) held.delete(oldest);
      return "added";
    },
    /** Nobody tells this process when a turn ends: who is full has it looked. */
    oldest: (key: string, most: number): string[] => [...(held.get(key)?.keys() ?? [])].slice(0, most),
    remove(turn: OpenTurn): void {
      for (const key of keysOf(turn)) {
        const turns = held.get(key);
        turns?.delete(memberOf(turn));
        if (turns?.size === 0) held.delete(key);
      }
    },
  };
}
