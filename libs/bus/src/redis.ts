import { Redis, type RedisOptions } from "ioredis";
import type { Logger } from "@parley/runtime";
import { readTls, requireTlsAddress, type TlsFiles, type TlsText } from "./broker-tls.ts";
import { reportRefusals } from "./redis-refusals.ts";
import { tlsFailure } from "./tls-failure.ts";
import { redisFailure } from "./tls-probe.ts";

/**
 * `queue` and `cache`: a command fails at once while Redis is down, because its caller has a deadline or a fallback of its own.
 * `worker`: commands wait for Redis to come back, which BullMQ's workers need.
 */
export type RedisRole = "queue" | "worker" | "cache";

/** See `redisAddress`. */
export interface RedisAddress {
  readonly url: string;
  /** For `rediss://`. */
  readonly tls?: TlsFiles | undefined;
}

interface RedisDeps extends RedisAddress {
  readonly role: RedisRole;
  readonly log: Logger;
}

/** A Redis that accepts the connection but does not answer (frozen, swapping) must not hold a caller for longer. */
const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 2_000;

/**
 * Connects in the background and for ever: the caller learns of an outage from its commands, or from `status`. Throws a `StartError` when the files
 * for TLS cannot be used.
 */
export function connectRedis({ url, tls = {}, role, log }: RedisDeps): Redis {
  const isTlsAsked = url.startsWith("rediss:");
  if (!isTlsAsked) requireTlsAddress("REDIS", tls, "rediss");
  const secured = isTlsAsked ? renewedTls(tls, log) : {};
  const redis = new Redis(url, { ...optionsOf(role), ...secured });
  reportRefusals(redis, { role, log });
  reportOutages(redis, { url, isTlsAsked, role, log });
  return redis;
}

type Options = Omit<RedisOptions, "replyMapping">;

function optionsOf(role: RedisRole): Options {
  const always = { connectTimeout: CONNECT_TIMEOUT_MS, retryStrategy: reconnectDelayMs };
  if (role === "worker") return { ...always, maxRetriesPerRequest: null };
  return { ...always, enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_TIMEOUT_MS };
}

/** Certificate and key are asked for one after the other, and belong together. */
const togetherMs = 20;

/**
 * With files that are read at each connection: certificates are renewed while processes run. The client copies what it finds here when it connects, not when it decides
 * to connect again, which may be seconds before.
 */
function renewedTls(files: TlsFiles, log: Logger): Options {
  let text: TlsText = readTls("REDIS", files);
  let readAtMs = performance.now();
  const current = (): TlsText => {
    if (performance.now() - readAtMs < togetherMs) return text;
    readAtMs = performance.now();
    try {
      text = readTls("REDIS", files);
    } catch (error) {
      // Half written, perhaps: as before until they can be read again.
      log.debug({ err: error }, "the files for TLS with Redis cannot be used now");
    }
    return text;
  };
  const names = ["ca", "cert", "key"] as const;
  const given = names.filter((name) => text[name] !== undefined);
  const tls: TlsText = Object.defineProperties(
    {},
    Object.fromEntries(given.map((name) => [name, { enumerable: true, get: () => current()[name] }])),
  );
  return { tls };
}

function reconnectDelayMs(times: number): number {
  const boundMs = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** Math.min(times, 10));
  return Math.round(boundMs / 2 + Math.random() * (boundMs / 2));
}

type Reported = Pick<RedisDeps, "url" | "role" | "log"> & { readonly isTlsAsked: boolean };

/** One line when Redis goes and one when it is back. Without an `error` listener ioredis would write every try to the console. */
function reportOutages(redis: Redis, { url, isTlsAsked, role, log }: Reported): void {
  let down = false;
  let wasReady = false;
  const say = (reason: string): void => log.warn({ role, reason }, "Redis cannot be reached");
  const report = (error: Error): void => {
    if (down) return;
    down = true;
    const { tls } = redis.options;
    const failure = tlsFailure({ broker: "REDIS", isTlsAsked, hasCertificate: tls?.cert !== undefined, error });
    // One that was reached before speaks as it is asked to.
    if (failure !== undefined || wasReady) return say(failure ?? error.message);
    void redisFailure(url, tls).then((found) => {
      if (down) say(found ?? error.message);
    });
  };
  redis.on("error", report);
  redis.on("reconnecting", () => report(new Error("the connection was closed")));
  redis.on("ready", () => {
    if (down) log.info({ role }, "Redis is back");
    down = false;
    wasReady = true;
  });
}
