/**
 * The scripts behind quotas. A counter is a hash of one holder (a user, a tenant) and one calendar period: `t` tokens, `m` money, `run` the Redis process in which
 * it was made, `epoch` which making that was. One without the run of now is unknown (Redis was emptied, evicted it, or came back with less than it had) and is made
 * anew of the stream `USAGE` before anybody spends by it. A turn is a hash too: for each counter what it has there, as "<t> <m> <epoch>"; what was counted in
 * another epoch is not in the counter any more. So all that is said of a turn is its total, and to say it twice changes nothing.
 */

const countedFunction = `
local function counted(turn, field, epoch)
  local had = redis.call("HGET", turn, field)
  if not had then return 0, 0 end
  local t, m, e = string.match(had, "^(%-?%d+) (%-?%d+) (.+)$")
  if e ~= epoch then return 0, 0 end
  return tonumber(t), tonumber(m)
end
local function put(turn, key, field, epoch, t, m)
  local hadT, hadM = counted(turn, field, epoch)
  redis.call("HSET", turn, field, t .. " " .. m .. " " .. epoch)
  if t ~= hadT then redis.call("HINCRBY", key, "t", t - hadT) end
  if m ~= hadM then redis.call("HINCRBY", key, "m", m - hadM) end
end
`;

/**
 * Raises (or lowers) what a turn holds to between `must` and `want`, as far as the limits leave room; what it has `spent` counts whatever they say. KEYS: the turn,
 * then the counters. ARGV: run, for how long the turn is kept (ms), spent t and m, must t and m, want t and m, then for each counter: its field in the turn, its limit
 * of tokens, of money (-1: none).
 * Returns {1, t, m, i, u, then what each counter has, t and m}: it holds t and m; {0, …}: not even `must` has room, and it holds what it has spent; {-1}: a counter is
 * unknown; {-2}: the turn is settled. i, u: the counter that leaves the least room (1, …), by its tokens (1) or money (2).
 */
export const takeScript = `
${countedFunction}
local run, keep = ARGV[1], ARGV[2]
local spent = {tonumber(ARGV[3]), tonumber(ARGV[4])}
local must = {tonumber(ARGV[5]), tonumber(ARGV[6])}
local want = {tonumber(ARGV[7]), tonumber(ARGV[8])}
local turn, share, fits, by, unit = KEYS[1], 1, 1, 0, 0
local epochs = {}
if redis.call("HEXISTS", turn, "settled") == 1 then return {-2, 0, 0, 0, 0} end
for i = 2, #KEYS do
  local had = redis.call("HMGET", KEYS[i], "run", "epoch", "t", "m")
  if had[1] ~= run then return {-1, 0, 0, i - 1, 0} end
  epochs[i] = had[2]
  local at = 9 + (i - 2) * 3
  local own = {counted(turn, ARGV[at], had[2])}
  for u = 1, 2 do
    local limit = tonumber(ARGV[at + u])
    local room = limit - (tonumber(had[u + 2]) - own[u])
    if limit >= 0 and fits == 1 then
      if must[u] > room then
        fits, by, unit = 0, i - 1, u
      elseif want[u] > must[u] and (room - must[u]) / (want[u] - must[u]) < share then
        share, by, unit = (room - must[u]) / (want[u] - must[u]), i - 1, u
      end
    end
  end
end
local t, m = spent[1], spent[2]
if fits == 1 then
  t = must[1] + math.floor((want[1] - must[1]) * share)
  m = must[2] + math.floor((want[2] - must[2]) * share)
end
local reply = {fits, t, m, by, unit}
for i = 2, #KEYS do
  put(turn, KEYS[i], ARGV[9 + (i - 2) * 3], epochs[i], t, m)
  local has = redis.call("HMGET", KEYS[i], "t", "m")
  reply[#reply + 1] = tonumber(has[1])
  reply[#reply + 1] = tonumber(has[2])
end
redis.call("PEXPIRE", turn, keep)
return reply
`;

/**
 * What the turn has used in the end. KEYS and ARGV as above: run, keep, t, m, then the field of each counter. Returns -1 where a counter is unknown, and changes nothing then.
 */
export const settleScript = `
${countedFunction}
local run, keep, t, m = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local epochs = {}
for i = 2, #KEYS do
  local had = redis.call("HMGET", KEYS[i], "run", "epoch")
  if had[1] ~= run then return -1 end
  epochs[i] = had[2]
end
for i = 2, #KEYS do put(KEYS[1], KEYS[i], ARGV[5 + (i - 2)], epochs[i], t, m) end
redis.call("HSET", KEYS[1], "settled", "1")
redis.call("PEXPIRE", KEYS[1], keep)
return 1
`;

/**
 * Makes a counter of what the stream says, unless somebody was quicker. KEYS: the counter, then turns that ended a moment ago, which are in it: their workers may still
 * be about to say so. ARGV: run, epoch, t, m, until when it is kept (ms since 1970), its field in a turn, for how long turns are kept (ms), then t and m of each turn.
 */
export const restoreScript = `
if redis.call("HGET", KEYS[1], "run") == ARGV[1] then return 0 end
redis.call("DEL", KEYS[1])
redis.call("HSET", KEYS[1], "run", ARGV[1], "epoch", ARGV[2], "t", ARGV[3], "m", ARGV[4])
redis.call("PEXPIREAT", KEYS[1], ARGV[5])
for i = 2, #KEYS do
  local at = 8 + (i - 2) * 2
  redis.call("HSET", KEYS[i], ARGV[6], ARGV[at] .. " " .. ARGV[at + 1] .. " " .. ARGV[2])
  redis.call("PEXPIRE", KEYS[i], ARGV[7])
end
return 1
`;
