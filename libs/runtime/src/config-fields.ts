import { knownPushHosts, pushHostsIn } from "@parley/protocol";
import { z } from "zod";
import { isHost, isHttpAddress, isRedisAddress, natsServersOf } from "./addresses.ts";
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
/** A day of few people. */
const MIN_AUDIT_BYTES = 2 ** 20;
const MAX_AUDIT_DAYS = 3_650;
/** Less would drop the beginning of most answers while they are told. */
const MIN_EVENT_WINDOW_MS = 60_000;
/** `resumeWindowMs` of the protocol's limits. */
const EVENT_WINDOW_MS = 30 * 60_000;

/** What `NODE_ENV` may be; a misspelt "production" would turn off all that depends on it. */
const ENVIRONMENTS = ["development", "test", "production"] as const;

/** `NODE_ENV`; `development` when it is not set. */
export function nodeEnv() {
  const error = `must be one of ${ENVIRONMENTS.join(", ")}`;
  return z
    .enum(ENVIRONMENTS, { error })
    .default("development")
    .describe("`production` refuses what is only good for development.");
}

/** Where to listen: an IP address or a name; this machine alone when it is not set. */
export function host() {
  const error = "must be an IP address such as 127.0.0.1 or 0.0.0.0, or the name of a host";
  return z.string().trim().refine(isHost, { error }).default("127.0.0.1");
}

/** An address that begins with http:// or https://, which may be absent. */
export function httpAddress() {
  return z.string().trim().refine(isHttpAddress, { error: "must be an http or https address" }).optional();
}

/** Where Redis is, and how to speak to it. `purpose` ends a sentence: "for the queue of tool calls". */
export function redisFields(purpose: string) {
  const error = "must be an address like redis://user:password@host:6379, or rediss:// for TLS";
  return {
    REDIS_URL: z
      .string()
      .trim()
      .refine(isRedisAddress, { error })
      .default("redis://127.0.0.1:6379")
      .describe(`Redis, ${purpose}: \`redis://user:password@host:6379\`, \`rediss://…\` with TLS.`),
    REDIS_CA_FILE: optionalText().describe(authorities("Redis", "rediss")),
    REDIS_CERT_FILE: optionalText().describe(ownCertificate("Redis")),
    REDIS_KEY_FILE: optionalText().describe("Key of the certificate in `REDIS_CERT_FILE`, in PEM."),
  };
}

const authorities = (server: string, scheme: string): string =>
  `Authorities that sign the certificate of ${server}, in PEM, instead of those that Node knows; with \`${scheme}://\`.`;
const ownCertificate = (server: string): string =>
  `Certificate of this process in PEM, where ${server} asks for one (mTLS). Renewed files count from the next connection on.`;

/** A TCP port; 0 lets the system choose one. */
export function port() {
  return wholeNumber(0, 65_535);
}

/** A duration in milliseconds; at least `minMs`, where less would be the opposite of what is meant. */
export function durationMs(defaultMs: number, minMs = 0) {
  return wholeNumber(minMs, MAX_DURATION_MS).default(defaultMs);
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

/** Where the rights and limits of callers stand. */
/** Push services of browsers to which notices may be sent. */
export function pushHosts() {
  return z
    .string()
    .default(knownPushHosts)
    .transform((text) => pushHostsIn(text) ?? [])
    .refine((list) => list.length > 0, "must be hosts, such as *.push.example.org, or origins, comma-separated")
    .describe(
      "Push services to which notices may be sent, comma-separated: hosts, asked with TLS at public addresses only, `*.` before one for all below it, `*` for any; and origins of your own, such as `http://push.internal:8080`, which may be in your network. The same for edges and tool workers. Default: those of Chromium, Firefox, Edge and Safari.",
    );
}

export function limitsFile() {
  return optionalText().describe(
    "What callers may do by their roles. Default: `config/limits.yaml`, if it is there. Read again when it changes.",
  );
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
      .trim()
      .refine((list) => natsServersOf(list) !== undefined, {
        error: "must be addresses like nats://user:password@host:4222 (or tls://…), comma-separated",
      })
      .default("nats://127.0.0.1:4222")
      .describe("NATS servers, comma-separated: `nats://user:password@host:4222`, `tls://…` with TLS."),
    NATS_CA_FILE: optionalText().describe(authorities("NATS", "tls")),
    NATS_CERT_FILE: optionalText().describe(ownCertificate("NATS")),
    NATS_KEY_FILE: optionalText().describe("Key of the certificate in `NATS_CERT_FILE`, in PEM."),
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

/** Of who writes the audit log: they count where this process makes it. To change those of one that is there is for the operator of the broker. */
export function auditFields() {
  return {
    AUDIT_DAYS: wholeNumber(1, MAX_AUDIT_DAYS)
      .default(90)
      .describe(
        "How long the audit log is kept, where this process makes it: who asked, agreed, ran and refused what.",
      ),
    AUDIT_MAX_BYTES: wholeNumber(MIN_AUDIT_BYTES, Number.MAX_SAFE_INTEGER)
      .default(2 * 2 ** 30)
      .describe("Disk for the audit log, some 700 bytes for each call of a tool. Full: no tool changes anything."),
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

/** A whole number in plain digits: `Number` takes 1e2 and 0x50 too, which nobody means who writes them here. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const error = `must be a whole number ${boundsOf(min, max)}`;
  return z.preprocess(inDigits(/^\d+$/), z.number({ error }).int({ error }).min(min, { error }).max(max, { error }));
}

/** A number in plain digits, with or without a decimal point. */
export function decimalNumber(min: number, max: number) {
  const error = `must be a number ${boundsOf(min, max)}`;
  return z.preprocess(inDigits(/^\d+(\.\d+)?$/), z.number({ error }).min(min, { error }).max(max, { error }));
}

function boundsOf(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
}

/** What is not written like this stays what it is, and is refused by the schema behind. */
function inDigits(pattern: RegExp): (value: unknown) => unknown {
  return (value) => (typeof value === "string" && pattern.test(value.trim()) ? Number(value) : value);
}
