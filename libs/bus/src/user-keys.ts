import { periodOf, quotaPeriods, sharedKeyPrefixes } from "@parley/protocol";
import type { Redis } from "ioredis";
import { conversationListKey } from "./list-times.ts";
import { forgetRanks } from "./tool-ranks.ts";

const dayMs = 86_400_000;
/** Counters of rates, under their names in the table of limits. */
const rates = ["turns_per_user", "new_conversations_per_user", "new_files_per_user", "requests_per_user"] as const;

/**
 * Removes what Redis keeps under the name of a user: their list of conversations, what is counted of them, blocks. All of it is made again or runs out by itself; it is removed so that nothing names them. One command
 * for each: with a cluster keys of one command are on one node.
 */
export async function forgetUserKeys(redis: Redis, user: string): Promise<number> {
  const list = conversationListKey(user);
  const now = Date.now();
  const periods = [now, now - dayMs, now - 31 * dayMs].flatMap((ms) =>
    quotaPeriods.map((one) => periodOf(one, ms).key),
  );
  const keys = [
    ...["", ":titles", ":whole"].map((end) => `${list}${end}`),
    ...["log", "open", "sockets"].map((name) => `limits:${name}:user:${user}`),
    ...new Set(periods.map((period) => `limits:usage:user:${period}:${user}`)),
    ...rates.map((name) => `limits:${name}:${user}`),
    `${sharedKeyPrefixes.blocks}of:user ${user}`,
  ];
  let removed = 0;
  for (const key of keys) removed += await redis.del(key);
  removed += await forgetRanks(redis, user);
  return removed + (await redis.zrem(`${sharedKeyPrefixes.blocks}ends`, `user ${user}`));
}
