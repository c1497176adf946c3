import { clientLimits } from "./client-limits.ts";

/** Sizes as the broker counts them: UTF-8 bytes of the JSON text, escapes included. A NUL is six bytes, a quote two. */

const encoder = new TextEncoder();

/** Of a text by itself. */
export function textBytes(text: string): number {
  return encoder.encode(text).length;
}

/** Of what `JSON.stringify` makes of it. */
export function jsonBytes(value: object): number {
  return textBytes(JSON.stringify(value));
}

/**
 * Whether a frame is within the limit by what it says. Its own JSON may be longer: some libraries escape every letter that is not ASCII. And what has
 * to be escaped of its text counts as text, which has a limit of its own.
 */
export function fitsFrame(frame: unknown): boolean {
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) return false;
  const said: Record<string, unknown> = { ...frame };
  const text = typeof said["message"] === "string" ? said["message"] : "";
  if (text !== "") said["message"] = "";
  try {
    return jsonBytes(said) + textBytes(text) <= clientLimits.clientFrameBytes;
  } catch {
    // Nested so deep that it cannot be written.
    return false;
  }
}

/** \b \t \n \f \r: two bytes; all other control characters are written as \u00xx. */
const shortEscapes: ReadonlySet<number> = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d]);

/** No other character has four. */
const pairBytes = 4;

/** Bytes of the character that begins at `i`; four of a pair, of both its halves. */
function bytesAt(text: string, i: number): number {
  const unit = text.charCodeAt(i);
  if (unit < 0x20) return shortEscapes.has(unit) ? 2 : 6;
  if (unit === 0x22 || unit === 0x5c) return 2;
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  if (unit < 0xd800 || unit > 0xdfff) return 3;
  // Half a pair is written as \udxxx.
  return isPairAt(text, i) ? pairBytes : 6;
}

function isPairAt(text: string, i: number): boolean {
  const next = text.charCodeAt(i + 1);
  return (text.charCodeAt(i) & 0xfc00) === 0xd800 && (next & 0xfc00) === 0xdc00;
}

/** Of a text inside JSON, without its quotes. */
export function jsonTextBytes(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const size = bytesAt(text, i);
    bytes += size;
    if (size === pairBytes) i++;
  }
  return bytes;
}

/** The beginning of a text that has at most `maxBytes` inside JSON, cut between characters. */
export function cutJsonText(text: string, maxBytes: number): string {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const size = bytesAt(text, i);
    bytes += size;
    if (bytes > maxBytes) return text.slice(0, i);
    if (size === pairBytes) i++;
  }
  return text;
}

/** What is shown of lines: some whole, and of the one after them perhaps its beginning. */
export interface BegunLines {
  readonly whole: string[];
  /** Empty: nothing of it. */
  readonly begun: string;
}

/** A beginning that is shorter, and than a quarter of the room, says less than it costs in clearness. */
const leastBegunBytes = 256;

/**
 * The first lines that have at most `maxBytes` inside JSON, each with its line end. Of the first that does not fit the beginning is taken where
 * much room is left or nothing else is there: a long line must not hide all that it says.
 */
export function beginningOfLines(lines: readonly string[], maxBytes: number): BegunLines {
  const whole: string[] = [];
  let leftBytes = maxBytes;
  for (const line of lines) {
    const bytes = lineBytes(line);
    if (bytes > leftBytes) {
      const isWorthIt = whole.length === 0 || leftBytes > Math.min(leastBegunBytes, maxBytes / 4);
      return { whole, begun: isWorthIt ? cutJsonText(line, leftBytes - lineEndBytes) : "" };
    }
    leftBytes -= bytes;
    whole.push(line);
  }
  return { whole, begun: "" };
}

/** "\n", escaped. */
const lineEndBytes = 2;

/** Of a line and its end. */
export function lineBytes(line: string): number {
  return jsonTextBytes(line) + lineEndBytes;
}

/** One of several parts that have to share a room. */
export interface SizedPart {
  readonly bytes: number;
  /** Below 1: it is cut before others of its size. Default 1. */
  readonly weight?: number;
  /** It cannot be cut below this. Default 0. */
  readonly leastBytes?: number;
}

/**
 * How many bytes each part gets of a room that is too small for all: none more than it has, so the largest are cut first. A pure function of the
 * sizes. Undefined: not even the least of each fits.
 */
export function shareBytes(parts: readonly SizedPart[], roomBytes: number): number[] | undefined {
  const sharesAt = (cap: number): number[] =>
    parts.map(({ bytes, weight = 1, leastBytes = 0 }) =>
      Math.min(bytes, Math.max(leastBytes, Math.floor(cap * weight))),
    );
  const fits = (cap: number): boolean => sharesAt(cap).reduce((sum, share) => sum + share, 0) <= roomBytes;
  if (!fits(0)) return undefined;
  let [low, high] = [0, Math.ceil(Math.max(0, ...parts.map(({ bytes, weight = 1 }) => bytes / weight)))];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return sharesAt(low);
}
