import { Redis, type RedisOptions } from "ioredis";
import type { Logger } from "@parley/runtime";

/**
 * `queue` and `cache`: a command fails at once while Redis is down, because its caller has a deadline or a fallback of its own.
 * `worker`: commands wait for Redis to come back, which BullMQ's workers need.
 */
export type RedisRole = "queue" | "worker" | "cache";

interface RedisDeps {
  readonly url: string;
  readonly role: RedisRole;
  readonly log: Logger;
}

/** A Redis that accepts the connection but does not answer (frozen, swapping) must not hold a caller for longer. */
const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 2_000;

/** Connects in the background and for ever: the caller learns of an outage from its commands, or from `status`. */
export function connectRedis({ url, role, log }: RedisDeps): Redis {
  const redis = new Redis(url, optionsOf(role));
  reportOutages(redis, role, log);
  return redis;
}

function optionsOf(role: RedisRole): Omit<RedisOptions, "replyMapping"> {
  const always = { connectTimeout: CONNECT_TIMEOUT_MS, retryStrategy: reconnectDelayMs };
  if (role === "worker") return { ...always, maxRetriesPerRequest: null };
  return { ...always, enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS };
}

function reconnectDelayMs(times: number): number {
  const boundMs = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** Math.min(times, 10));
  return Math.round(boundMs / 2 + Math.random() * (boundMs / 2));
}

/** One line when Redis goes and one when it is back. Without an `error` listener ioredis would write every try to the console. */
function reportOutages(redis: Redis, role: RedisRole, log: Logger): void {
  let down = false;
  const report = (reason: string): void => {
    if (down) return;
    down = true;
    log.warn({ role, reason }, "Redis cannot be reached");
  };
  redis.on("error", (error) => report(error.message));
  redis.on("reconnecting", () => report("the connection was closed"));
  redis.on("ready", () => {
    if (down) log.info({ role }, "Redis is back");
    down = false;
  });
}
