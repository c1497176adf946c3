import {
  brokerFields,
  durationMs,
  flag,
  host,
  isOrigin,
  logFormat,
  logLevel,
  nodeEnv,
  optionalText,
  port,
  redisUrl,
  sampleRatio,
  secret,
  traceFields,
  wholeNumber,
} from "@parley/runtime";
import { z } from "zod";

/** HS256 with a key shorter than its hash can be searched. */
const minSecretBytes = 32;
/** Secrets that stand in examples. */
const wellKnown = /^(secret|changeme|change-me|password|development|dev|test|example|parley|your-.*|(.)\2*)$/i;

/** All settings of an edge; the keys are the names of the environment variables. */
export const Config = z
  .object({
    NODE_ENV: nodeEnv(),
    HOST: host().describe("Where sockets and HTTP requests are accepted."),
    PORT: port().default(8000).describe("Where sockets and HTTP requests are accepted; 0 takes a free one."),
    REUSE_PORT: flag().describe("Lets several edges listen on one port; the kernel spreads connections over them."),
    ADMIN_HOST: host().describe("Where probes and metrics are served."),
    ADMIN_PORT: port().default(8001).describe("Where probes and metrics are served."),
    ...brokerFields(),
    REDIS_URL: redisUrl().describe("Redis, for the lists of conversations."),
    AUTH_JWT_SECRET: secret().describe("Shared secret (HS256) that access tokens are signed with."),
    AUTH_JWT_PREVIOUS_SECRET: secret()
      .optional()
      .describe("Another secret whose tokens are accepted, while one takes the place of the other."),
    AUTH_ISSUER: optionalText().describe("Required issuer (`iss`) of tokens."),
    AUTH_AUDIENCE: optionalText().describe("Required audience (`aud`) of tokens."),
    AUTH_DEV: flag().describe("Gives a token to whoever asks, for development."),
    ALLOWED_ORIGINS: z
      .string()
      .default("")
      .transform((text) => text.split(/[\s,]+/).filter((origin) => origin !== ""))
      .refine((origins) => origins.every(isOrigin), {
        error: "must be origins as browsers write them, such as https://chat.example.org, comma-separated",
      })
      .describe("Origins of other sites whose pages may connect, comma-separated."),
    MAX_CONNECTIONS: wholeNumber(1)
      .optional()
      .describe("Sockets of this process; default: what the file limit allows."),
    MAX_HTTP_WAIT_MS: durationMs(600_000, 1).describe("How long an HTTP request may wait for its answer."),
    ...traceFields(),
    TRACES_SAMPLE_RATIO: sampleRatio(),
    LOG_LEVEL: logLevel(),
    LOG_FORMAT: logFormat(),
    SHUTDOWN_MS: durationMs(10_000).describe("Time to say goodbye to clients when stopping."),
  })
  .refine(({ NODE_ENV, AUTH_DEV }) => NODE_ENV !== "production" || !AUTH_DEV, {
    path: ["AUTH_DEV"],
    error: "must not be set in production: it gives a token to whoever asks",
  })
  .refine(
    ({ NODE_ENV, AUTH_JWT_PREVIOUS_SECRET: other }) =>
      NODE_ENV !== "production" || other === undefined || !isWeakSecret(other),
    {
      path: ["AUTH_JWT_PREVIOUS_SECRET"],
      error: `must be at least ${minSecretBytes} random bytes in production`,
    },
  )
  .refine(({ NODE_ENV, AUTH_JWT_SECRET }) => NODE_ENV !== "production" || !isWeakSecret(AUTH_JWT_SECRET), {
    path: ["AUTH_JWT_SECRET"],
    error: `must be at least ${minSecretBytes} random bytes in production`,
  });
export type Config = z.infer<typeof Config>;

/** Whether a secret can be guessed. */
export function isWeakSecret(text: string): boolean {
  return Buffer.byteLength(text) < minSecretBytes || wellKnown.test(text);
}
