/**
 * Offsets of Durable Streams (PROTOCOL.md, 8): the cursor with leading zeros, so that they sort as text as the cursors do as numbers. Every cursor has at most
 * 16 digits, as all whole numbers that are exact in JSON.
 */

const digits = 16;

export function offsetOf(cursor: number): string {
  return `${digitsOf(cursor)}${exactMark}`;
}

/**
 * Behind an event that came live: events of several writers may overtake each other on their way, so something below it may still be to come, and who goes on
 * there is not known to have it. It sorts before the same cursor that is known to be exact: offsets of a stream only rise.
 */
export function liveOffsetOf(cursor: number): string {
  return `${digitsOf(cursor)}${liveMark}`;
}

function digitsOf(cursor: number): string {
  return String(cursor).padStart(digits, "0");
}

const liveMark = "l";
const exactMark = "z";

/** Where a reader begins. `begin`: at the beginning of what is kept; `now`: behind all that there is. */
export type StreamPlace = "begin" | "now" | { readonly cursor: number; readonly isExact: boolean };

/** Undefined: it is no offset. */
export function placeOfOffset(offset: string): StreamPlace | undefined {
  if (offset === "-1") return "begin";
  if (offset === "now") return "now";
  const [, number, mark] = /^(\d{16})([lz]?)$/.exec(offset) ?? [];
  const cursor = Number(number);
  return Number.isSafeInteger(cursor) ? { cursor, isExact: mark !== liveMark } : undefined;
}

/** Cursors for caches in between: intervals since 2024-10-09 (PROTOCOL.md, 10.1). */
const epochMs = Date.UTC(2024, 9, 9);
const intervalMs = 20_000;
/** An hour. */
const mostJitter = 180;

/** Always above what the client has. `random`: from 0 up to 1. */
export function cacheCursor(known: string | undefined, nowMs: number, random: number): string {
  const current = Math.floor((nowMs - epochMs) / intervalMs);
  const had = known !== undefined && /^\d{1,12}$/.test(known) ? Number(known) : -1;
  return String(had < current ? current : had + 1 + Math.floor(random * mostJitter));
}
