import { z } from "zod";
import { LOG_FORMATS, LOG_LEVELS } from "./logger.ts";

/** setTimeout treats a longer delay as "now", so a duration above it would be the opposite of what was meant. */
const MAX_DURATION_MS = 2_147_483_647;
/** Each is three streams, and every process looks at all of them. */
const MAX_SHARDS = 1_024;
/** NATS takes no more. */
const MAX_REPLICAS = 5;
/** Less would drop events of turns that still run. */
const MIN_EVENTS_BYTES = 16 * 2 ** 20;
/** Less would be full after a few results of tools. */
const MIN_FACTS_BYTES = 16 * 2 ** 20;
/** Less would drop the beginning of most answers while they are told. */
const MIN_EVENT_WINDOW_MS = 60_000;
/** `resumeWindowMs` of the protocol's limits. */
const EVENT_WINDOW_MS = 30 * 60_000;

/** A TCP port; 0 lets the system choose one. */
export function port() {
  return wholeNumber(0, 65_535);
}

/** A duration in milliseconds. */
export function durationMs(defaultMs: number) {
  return wholeNumber(0, MAX_DURATION_MS).default(defaultMs);
}

/** A switch: `1`/`true` or `0`/`false`; off when it is not set. */
export function flag() {
  const error = "must be 1, 0, true or false";
  return z.stringbool({ truthy: ["1", "true"], falsy: ["0", "false"], error }).default(false);
}

/** Text that may be absent. */
export function optionalText() {
  return z.string().trim().min(1, "must not be blank").optional();
}

/** Text that is never printed. Required; add `.optional()` where it may be absent. */
export function secret() {
  return z.string().trim().min(1, "must not be blank").meta({ secret: true });
}

/** Where NATS is, and the streams there. All but the address are the same for all processes of a deployment. */
export function brokerFields() {
  return {
    NATS_URL: z
      .string()
      .default("nats://127.0.0.1:4222")
      .describe("NATS servers, comma-separated: `nats://user:password@host:4222`."),
    SHARDS: wholeNumber(1, MAX_SHARDS)
      .default(1)
      .describe("Shards of the event and log streams; fixed for a deployment."),
    STREAM_REPLICAS: wholeNumber(1, MAX_REPLICAS).default(1).describe("Copies of each stream; 3 on a NATS cluster."),
    EVENTS_MAX_BYTES: wholeNumber(MIN_EVENTS_BYTES, Number.MAX_SAFE_INTEGER)
      .default(8 * 2 ** 30)
      .describe("Disk that the events of one shard may use; beyond it the oldest go before their time is over."),
    EVENT_WINDOW_MS: wholeNumber(MIN_EVENT_WINDOW_MS, MAX_DURATION_MS)
      .default(EVENT_WINDOW_MS)
      .describe(
        "How long events are kept: what viewers can resume from. A stream that keeps them for longer goes on to do so.",
      ),
    FACTS_MAX_BYTES: wholeNumber(MIN_FACTS_BYTES, Number.MAX_SAFE_INTEGER)
      .default(4 * 2 ** 30)
      .describe(
        "Disk for the facts of one shard: what was said, licences and results of tools, for 8 days. Full: no new messages; a quarter more is for turns that run.",
      ),
  };
}

/** How much is logged; `info` when it is not set. */
export function logLevel() {
  const error = `must be one of ${LOG_LEVELS.join(", ")}`;
  return z.enum(LOG_LEVELS, { error }).default("info").describe("How much is logged.");
}

/** How it is logged; `json` when it is not set. */
export function logFormat() {
  const error = `must be one of ${LOG_FORMATS.join(", ")}`;
  return z.enum(LOG_FORMATS, { error }).default("json").describe("Log lines for machines (json) or people (pretty).");
}

function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}
