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

/*
 * KEYS: the waiting calls, the running ones, the round that has come, by user the round of their last call. ARGV: the prefix of jobs, the job's id, user and class,
 * what it costs, the class's number, the last round. Returns the priority, or 0 if the queue has the call.
 *
 * Self-clocked fair queueing (Golestani, 1994): the round that has come is that of the call that was taken last, which is at the head of BullMQ's own list.
 * It is never behind what is stored of it nor beyond the first that waits. When nothing waits all begin anew. Who is up to the round that has come needs
 * no entry, so there are as many as users who wait. A user whose calls were removed is not behind the last of the others.
 */
const rankScript = `
local waiting, active, roundKey, ranks = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, id, flow, cost, class, last = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if redis.call('EXISTS', prefix .. id) == 1 then return 0 end
local function roundOf(priority) return math.floor(priority / ${PER_ROUND}) end
local function edge(command)
  local score = redis.call(command, waiting, 0, 0, 'WITHSCORES')[2]
  return score and roundOf(math.floor(tonumber(score) / ${PER_PRIORITY}))
end
local now, first = 0, edge('ZRANGE')
if not first then
  redis.call('DEL', roundKey, ranks)
else
  now = tonumber(redis.call('GET', roundKey) or '0')
  local taken = redis.call('LINDEX', active, 0)
  local priority = taken and redis.call('HGET', prefix .. taken, 'priority')
  now = math.min(math.max(now, roundOf(tonumber(priority or '0') or 0)), first)
  redis.call('ZREMRANGEBYSCORE', ranks, '-inf', now)
end
local behind = math.min(tonumber(redis.call('ZSCORE', ranks, flow) or '0'), edge('ZREVRANGE') or 0)
local round = math.max(now, behind) + cost
if round > last and first and first > 1 then
  local by = first - 1
  for _, each in ipairs(redis.call('ZRANGE', waiting, 0, -1)) do
    redis.call('ZINCRBY', waiting, -by * ${PER_ROUND} * ${PER_PRIORITY}, each)
    redis.call('HINCRBY', prefix .. each, 'priority', -by * ${PER_ROUND})
  end
  for _, each in ipairs(redis.call('ZRANGE', ranks, 0, -1)) do redis.call('ZINCRBY', ranks, -by, each) end
  now, round = math.max(now - by, 0), math.max(round - by, cost)
end
round = math.min(round, last)
redis.call('SET', roundKey, now)
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
  const flow = `${of}:${user}`;
  const args = [jobKeys(""), jobId, flow, roundsOf[of], callClasses.indexOf(of), MAX_ROUND];
  const priority = z.number().parse(await redis.eval(rankScript, KEYS.length, ...KEYS, ...args));
  return priority === 0 ? undefined : priority;
}
