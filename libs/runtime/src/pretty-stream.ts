import type { DestinationStream } from "pino";
import { z } from "zod";

const LogRecord = z.looseObject({
  level: z.string(),
  time: z.string(),
  service: z.string(),
  pid: z.number(),
  msg: z.string().default(""),
  err: z.looseObject({ message: z.string(), stack: z.string().optional() }).optional(),
});

/** Turns JSON log lines into short lines for a person at a terminal: `12:30:01.123 INFO  edge listening port=8000`. */
export function createPrettyStream(output: DestinationStream): DestinationStream {
  return { write: (line) => output.write(prettyLine(line)) };
}

function prettyLine(line: string): string {
  const parsed = LogRecord.safeParse(JSON.parse(line));
  if (!parsed.success) return line;
  const { level, time, service, pid: _pid, msg, err, ...fields } = parsed.data;
  const details = Object.entries(fields).map(([name, value]) => `${name}=${showValue(value)}`);
  if (err !== undefined) details.push(`error=${showValue(err.message)}`);
  const head = `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${service}`;
  const stack = err?.stack !== undefined && isForDebugging(level) ? `\n${err.stack}` : "";
  return `${[head, msg, ...details].filter((part) => part !== "").join(" ")}${stack}\n`;
}

/** A stack trace is for the one who mends the program; a person at a terminal gets the sentence. */
function isForDebugging(level: string): boolean {
  return level === "debug" || level === "trace" || level === "fatal";
}

function showValue(value: unknown): string {
  const isPlainWord = typeof value === "string" && /^[^\s"=]+$/.test(value);
  return isPlainWord ? value : JSON.stringify(value);
}
