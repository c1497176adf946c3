import { z } from "zod";
import type { Redis } from "../commands/conversations/conversation-index.ts";

export interface TalliesDeps {
  /** In the role `cache`; undefined: each edge counts for itself. */
  readonly redis: Redis | undefined;
  /** What is counted, as part of the key in Redis. */
  readonly what: "user" | "address";
  /** How many one may have, now. */
  readonly most: () => number;
  /** Names this process among the others. */
  readonly edge: string;
}

const tellAfterMs = 50;
/** What an edge has told counts for so long: one that died is forgotten. */
const keptMs = 75_000;
const repeatEveryMs = 30_000;
/** An edge that has fewer than this part of what one may have says nothing of them: for the few sockets of most people nothing is ever sent. */
const silentPart = 1 / 8;

/**
 * KEYS: a hash, by edge `<count> <until when, ms since 1970>`. ARGV: this edge, its count, for how long it counts (ms). Returns how many the others have.
 */
const tallyScript = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] == "0" then redis.call("HDEL", KEYS[1], ARGV[1])
else
  redis.call("HSET", KEYS[1], ARGV[1], ARGV[2] .. " " .. (now + ARGV[3]))
  redis.call("PEXPIRE", KEYS[1], ARGV[3])
end
local others = 0
local all = redis.call("HGETALL", KEYS[1])
for i = 1, #all, 2 do
  local count, untilMs = string.match(all[i + 1], "^(%d+) (%d+)")
  if untilMs == nil or tonumber(untilMs) <= now then redis.call("HDEL", KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then others = others + count end
end
return others
`;

const Others = z.number();

/** How many of something each user or address has at the moment, here and, as of a moment ago, on all other edges. */
export function createTallies(deps: TalliesDeps) {
  const { most } = deps;
  const here = new Map<string, number>();
  const others = createOthers(deps, here);
  return {
    isFull(key: string): boolean {
      const elsewhere = others.of(key);
      if ((here.get(key) ?? 0) + elsewhere < most()) return false;
      // They may have fewer by now: for whoever tries again it is looked.
      if (elsewhere > 0) others.tell(key);
      return true;
    },
    add(key: string): void {
      here.set(key, (here.get(key) ?? 0) + 1);
      others.tell(key);
    },
    remove(key: string): void {
      const left = (here.get(key) ?? 0) - 1;
      if (left > 0) here.set(key, left);
      else here.delete(key);
      others.tell(key);
    },
    /** Once a second. */
    sweep: others.sweep,
    close: others.close,
  };
}

/** What the other edges have, and telling them what this one has. */
function createOthers({ redis, what, most, edge }: TalliesDeps, here: ReadonlyMap<string, number>) {
  const elsewhere = new Map<string, number>();
  const untold = new Set<string>();
  /** Of these the others know. */
  const told = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let toldMs = performance.now();

  const share = async (connection: Redis, key: string): Promise<void> => {
    const count = here.get(key) ?? 0;
    const isShared = count >= Math.max(1, Math.floor(most() * silentPart));
    if (!isShared && !told.has(key)) return;
    const args = [edge, isShared ? count : 0, keptMs] as const;
    const others = Others.parse(await connection.eval(tallyScript, 1, `limits:sockets:${what}:${key}`, ...args));
    if (isShared) told.add(key);
    else told.delete(key);
    if (here.has(key)) elsewhere.set(key, others);
  };

  const tellAll = (): void => {
    timer = undefined;
    const keys = [...untold];
    untold.clear();
    if (redis?.status !== "ready") return elsewhere.clear();
    for (const key of keys) {
      share(redis, key).catch(() => {
        // Told again with the next change, or within half a minute; until then each edge counts for itself.
        elsewhere.delete(key);
      });
    }
  };

  const tell = (key: string): void => {
    if (!here.has(key)) elsewhere.delete(key);
    if (redis === undefined) return;
    untold.add(key);
    timer ??= setTimeout(tellAll, tellAfterMs).unref();
  };

  return {
    of: (key: string): number => elsewhere.get(key) ?? 0,
    tell,
    sweep(nowMs: number): void {
      if (nowMs - toldMs < repeatEveryMs) return;
      toldMs = nowMs;
      for (const key of told) tell(key);
    },
    close: (): void => clearTimeout(timer),
  };
}
