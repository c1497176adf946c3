import { createLineSplitter } from "./line-splitter.ts";
import { done, doneMark, streamValuesIn } from "./stream-values.ts";

/** One line, and one event: what is larger is passed over. */
export const maxEventBytes = 2 * 1024 * 1024;
/** Of one line or event that is passed over. With more the answer is given up. */
export const maxSkippedBytes = 32 * 1024 * 1024;

/** `error`: the event calls itself one; its data may be a plain text then. `body`: it is no data of an event, but the body itself or a line of it. */
export type ValueKind = "data" | "error" | "body";

export interface StreamSink {
  /** A JSON object or array, in the order of the stream. */
  readonly onValue: (value: unknown, kind: ValueKind) => void;
  /** `[DONE]`: nothing that follows counts. */
  readonly onDone: () => void;
  /** What begins as an object cannot be read: something is missing. */
  readonly onLost: () => void;
}

/** What there was, once it has ended. */
export interface StreamEnd {
  /** Values were told as `data` of events, or else the body itself was one JSON value, or a line of JSON each; `empty`: not even a comment. */
  readonly form: "events" | "json" | "text" | "nothing" | "empty";
  /** Events and lines that were no JSON. */
  readonly skipped: number;
  /** Of the form `text`: the body. */
  readonly text: string;
}

/**
 * Reads a provider's stream of server-sent events (WHATWG HTML, 9.2.6), and what servers send in its place. More than the standard: a data line
 * that is JSON by itself is told at once, so that an event needs no blank line, neither the last nor any; a body that is JSON is told as such. Data
 * that is no JSON is passed over, and told as lost where it may have been a chunk, and so is a line or an event that is too large. A RangeError: a body
 * that is no stream and too large, and what is too large to be passed over.
 */
export function createEventStream(sink: StreamSink) {
  const events = createEvents(sink);
  const body = createBody();
  const seen: Seen = { isEmpty: true, isEvents: false, strayLines: 0 };
  const otherLine = createOtherLines({ sink, events, body, seen });

  const line = (bytes: Buffer, start: number, to: number): void => {
    const from = seen.isEmpty ? afterByteOrderMark(bytes, start, to) : start;
    seen.isEmpty = false;
    if (from === to) return events.end();
    if (bytes[from] === colon) return;
    if (isData(bytes, from, to)) {
      seen.isEvents = true;
      return events.data(bytes.toString("utf8", bytes[from + 5] === space ? from + 6 : from + 5, to));
    }
    otherLine(bytes.toString("utf8", from, to));
  };

  /** Mostly it has no text: images, token numbers. Whoever sends it has more to say. */
  const onTooLong = (): void => {
    seen.isEmpty = false;
    seen.strayLines++;
    sink.onLost();
  };

  const lines = createLineSplitter(line, { maxBytes: maxEventBytes, maxSkippedBytes, onTooLong });
  return {
    push: lines.push,
    end(): StreamEnd {
      lines.end();
      events.end();
      const { isEvents, isEmpty, strayLines } = seen;
      const text = isEvents || events.values() > 0 ? "" : body.text();
      const isText = text !== "" && !events.tell(text, "body");
      const other = isEvents ? "events" : events.values() > 0 ? "json" : isEmpty ? "empty" : "nothing";
      return { form: isText ? "text" : other, skipped: events.skipped() + strayLines, text: isText ? text : "" };
    },
  };
}

interface Seen {
  /** Not even the end of a line. */
  isEmpty: boolean;
  /** There was `data`. */
  isEvents: boolean;
  /** Lines that were no part of anything. */
  strayLines: number;
}

interface OtherLinesDeps {
  readonly sink: StreamSink;
  readonly events: ReturnType<typeof createEvents>;
  readonly body: ReturnType<typeof createBody>;
  readonly seen: Seen;
}

/** Lines that are no plain `data:`. */
function createOtherLines({ sink, events, body, seen }: OtherLinesDeps): (written: string) => void {
  const field = (name: string, value: string): boolean => {
    if (name === "data") events.data(value);
    else if (name === "event") events.named(value);
    seen.isEvents ||= name === "data";
    return fields.has(name);
  };
  const strayLine = (text: string): void => {
    // A raw line feed within a string of the data.
    if (events.isOpen()) return events.data(text);
    if (text.startsWith("{") && events.values() > 0) sink.onLost();
    if (seen.isEvents) seen.strayLines++;
    else body.add(text);
  };
  const isTold = (text: string): boolean => {
    if (text.startsWith("{")) return events.tell(text, "body");
    return (seen.isEvents || events.values() > 0) && isDoneMark(text) && events.tell(text, "data");
  };

  return (written) => {
    // Indented, or with a byte order mark of its own.
    const text = indentedField.test(written) ? written.trimStart() : written;
    const at = text.indexOf(":");
    if (at < 0 ? field(text, "") : field(text.slice(0, at), text.slice(at + 1).trimStart())) return;
    if (!isTold(text)) strayLine(text);
  };
}

/** Tells what a text says, if all of it can be read. */
function createValues(sink: StreamSink) {
  let count = 0;
  return {
    count: (): number => count,
    tell(text: string, as: ValueKind): boolean {
      const value = parsed(text);
      if (value !== undefined) {
        count++;
        sink.onValue(value, as);
        return true;
      }
      // As nearly all streams end, and by far the dearest line otherwise.
      const found =
        text === doneMark ? [done] : (streamValuesIn(text) ?? (as !== "body" && isDoneMark(text) ? [done] : undefined));
      for (const each of found ?? []) {
        count++;
        if (each === done) sink.onDone();
        else sink.onValue(each, as);
      }
      return found !== undefined;
    },
  };
}

/** Puts events together from their fields. */
function createEvents(sink: StreamSink) {
  const { tell, count } = createValues(sink);
  let kind: "data" | "error" = "data";
  let isLast = false;
  /** Data lines of the open event, of which the first is no JSON by itself. */
  let open: string[] = [];
  let openBytes = 0;
  let skipped = 0;

  const tellLines = (lines: readonly string[]): void => {
    if (lines.length > 1 && tell(lines.join("\n"), kind)) return;
    // Of events without blank lines between them, one that is no JSON must not hide the next.
    let unread = 0;
    for (const each of lines) {
      if (lines.length > 1 && tell(each, kind)) continue;
      unread++;
      if (kind !== "error" && each.trimStart().startsWith("{")) sink.onLost();
    }
    if (unread < lines.length) return;
    skipped++;
    if (kind === "error") sink.onValue(lines.join("\n"), kind);
  };

  return {
    tell,
    values: count,
    skipped: (): number => skipped,
    isOpen: (): boolean => open.length > 0,
    named(name: string): void {
      kind = name === "error" ? "error" : "data";
      isLast = lastEvents.has(name);
    },
    data(text: string): void {
      if (open.length === 0 && (text === "" || tell(text, kind))) return;
      openBytes += text.length + 1;
      if (openBytes > maxSkippedBytes) throw new RangeError(`an event is larger than ${maxSkippedBytes} bytes`);
      // The first line stays: without it the next would begin an event.
      if (openBytes <= maxEventBytes || open.length === 0) open.push(text);
    },
    end(): void {
      const lines = open;
      if (lines.length > 0) {
        const isTooLarge = openBytes > maxEventBytes;
        open = [];
        openBytes = 0;
        if (isTooLarge) sink.onLost();
        else tellLines(lines);
      }
      kind = "data";
      if (isLast) sink.onDone();
      isLast = false;
    },
  };
}

/** Events that servers end their streams with. */
const lastEvents: ReadonlySet<string> = new Set(["done", "end", "close"]);

/** Servers that are made by hand have it in many forms. */
function isDoneMark(text: string): boolean {
  return text.length < 16 && /^\s*\[?done\]?\s*$/i.test(text);
}

const fields: ReadonlySet<string> = new Set(["data", "event", "id", "retry"]);
const colon = 0x3a;
const space = 0x20;
const openBrace = 0x7b;
const indentedField = /^\s+(?:data|event):/;

/** `data:` at this place. */
function isData(bytes: Buffer, from: number, to: number): boolean {
  return (
    to - from >= 5 &&
    bytes[from] === 0x64 &&
    bytes[from + 1] === 0x61 &&
    bytes[from + 2] === 0x74 &&
    bytes[from + 3] === 0x61 &&
    bytes[from + 4] === colon
  );
}

function afterByteOrderMark(bytes: Buffer, from: number, to: number): number {
  return to - from >= 3 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf
    ? from + 3
    : from;
}

/** As nearly all data is: one object. */
function parsed(text: string): object | undefined {
  if (text.charCodeAt(0) !== openBrace) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Lines that are no part of an event stream: of a body that is none. */
function createBody() {
  const lines: string[] = [];
  let size = 0;
  return {
    add(line: string): void {
      size += line.length + 1;
      if (size > maxEventBytes) throw new RangeError(`an answer is larger than ${maxEventBytes} bytes`);
      lines.push(line);
    },
    text: (): string => lines.join("\n").trim(),
  };
}
