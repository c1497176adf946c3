import {
  type DestinationStream,
  pino,
  type Logger as PinoLogger,
  type LoggerOptions as LoggerOptionsOfPino,
} from "pino";
import { createLogLimit } from "./log-limit.ts";
import { redactLine } from "./log-redaction.ts";
import { createPrettyStream } from "./pretty-stream.ts";

export type Logger = PinoLogger;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ["json", "pretty"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export type LoggerOptions = {
  service: string;
  level: LogLevel;
  format: LogFormat;
  /** Where lines go; standard output when it is left out. */
  destination?: DestinationStream;
};

const SECRET_FIELDS = [
  "authorization",
  "Authorization",
  "cookie",
  "token",
  "access_token",
  "id_token",
  "refresh_token",
  "secret",
  "client_secret",
  "password",
  "api_key",
  "apiKey",
  '["x-api-key"]',
];

/** As deep as an error of an HTTP client carries its request headers: `err.config.headers.authorization`. */
const SECRET_DEPTHS = ["", "*", "*.*", "*.*.*"];

/** A logger that writes each line before it returns, so that the last words of a dying process are not lost. */
export function createLogger({ service, level, format, destination }: LoggerOptions): Logger {
  const output = destination ?? pino.destination({ dest: 1, sync: true });
  return pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorOf },
      redact: { paths: secretPaths(), censor: "[redacted]" },
      hooks: { logMethod: limited(), streamWrite: redactLine },
    },
    format === "pretty" ? createPrettyStream(output) : output,
  );
}

/** The library joins the message of an error with those of its causes by a colon, also where one is a sentence that has ended. */
function errorOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const told = pino.stdSerializers.err(error);
  return { ...told, message: told.message.replaceAll(/[.!?]: /g, ": ") };
}

type LogMethod = NonNullable<NonNullable<LoggerOptionsOfPino["hooks"]>["logMethod"]>;

const WARN_LEVEL = 40;

/** Warnings and errors with the same text are limited; `dropped` on a line says how many before it were left out. */
function limited(): LogMethod {
  const limit = createLogLimit();
  return function logMethod(args, method, level) {
    const [first, second]: unknown[] = args;
    const text = typeof first === "string" ? first : second;
    if (level < WARN_LEVEL || typeof text !== "string") return method.apply(this, args);
    const { passes, dropped } = limit(text);
    if (!passes) return;
    if (dropped === 0) return method.apply(this, args);
    method.call(this, { ...(typeof first === "object" ? first : {}), dropped }, text);
  };
}

function secretPaths(): string[] {
  return SECRET_DEPTHS.flatMap((depth) =>
    SECRET_FIELDS.map((field) => (depth === "" || field.startsWith("[") ? `${depth}${field}` : `${depth}.${field}`)),
  );
}
