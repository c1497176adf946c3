import { randomUUID } from "node:crypto";
import type { Logger } from "@parley/runtime";
import type { Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { z } from "zod";
import { jobKeys } from "./tool-ranks.ts";

interface NewcomerDeps {
  readonly redis: Redis;
  readonly worker: Worker;
  /** Calls that run here at once, these not counted. */
  readonly slots: number;
  /** Whose calls run here, one entry for each. */
  readonly running: () => readonly string[];
  readonly log: Logger;
}

/** So long may somebody wait whom nobody's end of a call lets in. */
const LOOK_EVERY_MS = 250;
/** Of so many that are next is looked whose they are. */
const LOOKED_AT = 16;
/** An eighth of the slots, and one at least. */
const SHARE = 8;

/*
 * KEYS: the waiting calls. ARGV: the prefix of jobs, and whose calls run here. Puts the first call of anybody else before all others. Returns whether there is one. Who takes it is
 * whoever comes first: then it has a slot as well.
 */
const promoteScript = `
local busy = {}
for i = 2, #ARGV do busy[ARGV[i]] = true end
local next = redis.call('ZRANGE', KEYS[1], 0, ${LOOKED_AT - 1}, 'WITHSCORES')
for i = 1, #next, 2 do
  local ok, call = pcall(cjson.decode, redis.call('HGET', ARGV[1] .. next[i], 'data') or '')
  local user = ok and type(call) == 'table' and type(call.user) == 'table' and call.user.id
  if user and not busy[user] then
    redis.call('ZADD', KEYS[1], tonumber(next[2]) - 1, next[i])
    return 1
  end
end
return 0`;

/**
 * While one user has a good part of all slots here, and all are taken, somebody of whom nothing runs here does not wait for the end of a call, which may be
 * a minute away: up to an eighth more calls than there are slots may run. Nothing is lost by it but an eighth more memory.
 */
export function startNewcomerSlots({ redis, worker, slots, running, log }: NewcomerDeps) {
  const most = Math.max(1, Math.floor(slots / SHARE));
  const extra = new Set<Promise<unknown>>();
  let looking: Promise<void> | undefined;

  const isCrowded = (): boolean => {
    const users = running();
    if (users.length < slots || extra.size >= most) return false;
    const counts = new Map<string, number>();
    for (const user of users) counts.set(user, (counts.get(user) ?? 0) + 1);
    // Where each has a slot of their own nobody is in the way of others.
    return Math.max(...counts.values()) * SHARE > slots && Math.max(...counts.values()) > 1;
  };

  const look = async (): Promise<void> => {
    const users = [...new Set(running())];
    const found = await redis.eval(promoteScript, 1, jobKeys("prioritized"), jobKeys(""), ...users);
    if (z.number().parse(found) === 0) return;
    const token = randomUUID();
    const job: Job | undefined = await worker.getNextJob(token, { block: false });
    if (job === undefined) return;
    const ended = worker.processJob(job, token, () => false);
    extra.add(ended);
    void ended
      .catch((err: unknown) => log.debug({ err }, "a call in an additional slot ended with an error"))
      .finally(() => extra.delete(ended));
  };

  const timer = setInterval(() => {
    if (looking !== undefined || worker.isPaused() || redis.status !== "ready" || !isCrowded()) return;
    looking = look()
      .catch((err: unknown) => log.debug({ err }, "who waits for a slot could not be looked up"))
      .finally(() => (looking = undefined));
  }, LOOK_EVERY_MS);

  return {
    /** Takes no more; resolves when those that run have ended. */
    async close(): Promise<void> {
      clearInterval(timer);
      await looking;
      while (extra.size > 0) await Promise.allSettled(extra);
    },
  };
}
