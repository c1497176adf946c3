import { redisKeys } from "@parley/protocol";
import type { Redis } from "ioredis";
import { z } from "zod";
import { callClasses, jobKeys, PER_PRIORITY, PER_ROUND, roundsOf } from "./tool-ranks.ts";

const WaitingClass = z.object({
  waiting: z.number(),
  /** How long the oldest of the next ones has waited (clocks of two machines). */
  oldestMs: z.number(),
});

/** What waits, by class. `returned`: what a worker gave back or lost, and what older versions added; these go first. */
const WaitingCalls = z.object({
  classes: z.object({
    approved: WaitingClass,
    interactive: WaitingClass,
    programs: WaitingClass,
    returned: WaitingClass,
  }),
  /** Users of whom something waits. */
  users: z.number(),
  /** How many wait of the user of whom most do; about, as those that were removed count until their round has come. */
  mostOfOneUser: z.number(),
});
export type WaitingCalls = z.infer<typeof WaitingCalls>;

/** Of so many the class is looked at, and of so many of each how old they are: what is asked every few seconds must not hold Redis up. */
const LOOKED_AT = 5_000;
const AGED = 20;

const KEYS = [jobKeys("prioritized"), jobKeys("wait"), redisKeys.toolRanks];

/** KEYS: the waiting calls, those that go before them, and the round of each user's last one. ARGV: the prefix of jobs, the present time, the classes, and what they cost. */
const lookScript = `
local waiting, returned, ranks = KEYS[1], KEYS[2], KEYS[3]
local prefix, now, names, costs = ARGV[1], tonumber(ARGV[2]), cjson.decode(ARGV[3]), cjson.decode(ARGV[4])
local classes = {returned = {waiting = 0, oldestMs = 0}}
for _, name in ipairs(names) do classes[name] = {waiting = 0, oldestMs = 0} end
local function see(class, id)
  class.waiting = class.waiting + 1
  if class.waiting > ${AGED} then return end
  local added = tonumber(redis.call('HGET', prefix .. id, 'timestamp') or now) or now
  class.oldestMs = math.max(class.oldestMs, now - added)
end
local some = redis.call('ZRANGE', waiting, 0, ${LOOKED_AT - 1}, 'WITHSCORES')
local function priorityOf(i) return math.floor(tonumber(some[i + 1]) / ${PER_PRIORITY}) end
for i = 1, #some, 2 do see(classes[names[priorityOf(i) % ${PER_ROUND} + 1]] or classes.returned, some[i]) end
for _, id in ipairs(redis.call('LRANGE', returned, -${AGED}, -1)) do see(classes.returned, id) end
classes.returned.waiting = math.max(classes.returned.waiting, redis.call('LLEN', returned))
local users, most = 0, 0
if #some > 0 then
  local first = math.floor(priorityOf(1) / ${PER_ROUND})
  users = redis.call('ZCOUNT', ranks, first, '+inf')
  local flows = redis.call('ZREVRANGE', ranks, 0, ${AGED - 1}, 'WITHSCORES')
  for i = 1, #flows, 2 do
    local cost = costs[string.match(flows[i], '^%a+')] or 1
    most = math.max(most, math.floor((tonumber(flows[i + 1]) - first) / cost) + 1)
  end
end
return cjson.encode({classes = classes, users = users, mostOfOneUser = most})`;

/** Throws while Redis cannot be asked. */
export async function waitingCalls(redis: Redis): Promise<WaitingCalls> {
  const args = [jobKeys(""), Date.now(), JSON.stringify(callClasses), JSON.stringify(roundsOf)];
  const text = z.string().parse(await redis.eval(lookScript, KEYS.length, ...KEYS, ...args));
  return WaitingCalls.parse(JSON.parse(text));
}
