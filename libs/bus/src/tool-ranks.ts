import { redisKeys, toolQueueName, type CallerRights } from "@parley/protocol";
import type { Redis } from "ioredis";
import { z } from "zod";

/**
 * Who has to wait for whom. `approved`: a person has just agreed to it, and waits. `interactive`: of a conversation that somebody leads. `programs`: asked for with
 * a credential that is limited to some actions, as API keys are: nobody looks at it.
 */
export type CallClass = "approved" | "interactive" | "programs";

/** In their order: of calls of one round the approved ones go first. */
export const callClasses = ["approved", "interactive", "programs"] as const satisfies readonly CallClass[];
/** How many rounds further a user's next call of the class waits. */
export const roundsOf: Readonly<Record<CallClass, number>> = { approved: 1, interactive: 1, programs: 8 };

/** BullMQ's priority, at most 2^21, is the round times this plus the number of the class. */
export const PER_ROUND = 4;
const MAX_ROUND = 2 ** 21 / PER_ROUND - 1;
/** BullMQ's score is the priority times this plus a number that counts up. */
export const PER_PRIORITY = 2 ** 32;

/** What BullMQ makes of the queue's name. */
export function jobKeys(name: string): string {
  return `bull:${toolQueueName}:${name}`;
}

const KEYS = [jobKeys("prioritized"), jobKeys("active"), redisKeys.toolRound, redisKeys.toolRanks];

export function classOf(caller: Pick<CallerRights, "scopes"> | undefined, go: boolean): CallClass {
  if (go) return "approved";
  return caller?.scopes === undefined ? "interactive" : "programs";
}

/** A round that was given so lately may be of a call that is still to be added. */
const ADDED_WITHIN_MS = 2_000;

/*
 * KEYS: the waiting calls, the running ones, the round that has come, by user the round of their last call. ARGV: the prefix of jobs, the job's id, user and class,
 * what it costs, the class's number, the last round. Returns the priority, or 0 if the queue has the call.
 *
 * Self-clocked fair queueing (Golestani, 1994): the round that has come is that of the call that was taken last, which is at the head of BullMQ's own list.
 * It is never behind what is stored of it nor beyond the first that waits. When nothing has waited for a while all begin anew. Who is up to the round that
 * has come needs no entry, so there are as many as users who wait.
 */
const rankScript = `
local waiting, active, state, ranks = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, id, flow, cost, class, last = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if redis.call('EXISTS', prefix .. id) == 1 then return 0 end
local function roundOf(priority) return math.floor((tonumber(priority or '0') or 0) / ${PER_ROUND}) end
local time = redis.call('TIME')
local at = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', state, 'round', 'at')
local score = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2]
local first = score and roundOf(math.floor(tonumber(score) / ${PER_PRIORITY}))
local now, since = 0, at - tonumber(known[2] or '0')
if first or (since >= 0 and since < ${ADDED_WITHIN_MS}) then
  local taken = redis.call('LINDEX', active, 0)
  now = math.max(tonumber(known[1] or '0'), taken and roundOf(redis.call('HGET', prefix .. taken, 'priority')) or 0)
  now = math.min(now, first or now)
  redis.call('ZREMRANGEBYSCORE', ranks, '-inf', now)
else
  redis.call('DEL', ranks)
end
local round = math.max(now, tonumber(redis.call('ZSCORE', ranks, flow) or '0')) + cost
local by = (first or now) - 1
if round > last and by > 0 then
  for _, each in ipairs(redis.call('ZRANGE', waiting, 0, -1)) do
    redis.call('ZINCRBY', waiting, -by * ${PER_ROUND} * ${PER_PRIORITY}, each)
    redis.call('HINCRBY', prefix .. each, 'priority', -by * ${PER_ROUND})
  end
  for _, each in ipairs(redis.call('ZRANGE', ranks, 0, -1)) do redis.call('ZINCRBY', ranks, -by, each) end
  now, round = math.max(now - by, 0), round - by
end
round = math.min(round, last)
redis.call('HSET', state, 'round', now, 'at', at)
redis.call('ZADD', ranks, round, flow)
return round * ${PER_ROUND} + class`;

export interface RankedCall {
  readonly jobId: string;
  readonly user: string;
  readonly of: CallClass;
}

/**
 * BullMQ's priority for a call that is to be added, so that users take turns, each with one call, however many they have; undefined: the queue has the call already. Between this and
 * the adding its worker may be lost: then the user's next call waits for one round more.
 */
export async function rankOf(redis: Redis, { jobId, user, of }: RankedCall): Promise<number | undefined> {
  const args = [jobKeys(""), jobId, flowOf({ user, of }), roundsOf[of], callClasses.indexOf(of), MAX_ROUND];
  const priority = z.number().parse(await redis.eval(rankScript, KEYS.length, ...KEYS, ...args));
  return priority === 0 ? undefined : priority;
}

/** A call that waited was removed: its user's next one is not to wait for it. */
export async function giveRankBack(redis: Redis, { user, of }: Pick<RankedCall, "user" | "of">): Promise<void> {
  await redis.zadd(redisKeys.toolRanks, "XX", "INCR", -roundsOf[of], flowOf({ user, of }));
}

/** Whoever calls nothing any more: their places would stay until somebody else calls a tool. Returns how many there were. */
export function forgetRanks(redis: Redis, user: string): Promise<number> {
  return redis.zrem(redisKeys.toolRanks, ...callClasses.map((of) => flowOf({ user, of })));
}

function flowOf({ user, of }: Pick<RankedCall, "user" | "of">): string {
  return `${of}:${user}`;
}
