import { z } from "zod";
import { LOG_FORMATS, LOG_LEVELS } from "./logger.ts";

/** setTimeout treats a longer delay as "now", so a duration above it would be the opposite of what was meant. */
const MAX_DURATION_MS = 2_147_483_647;

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
