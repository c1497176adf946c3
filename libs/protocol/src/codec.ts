import { ChatError } from "./errors.ts";
import { ClientFrame } from "./client-frames.ts";
import type { StoredEvent } from "./events.ts";
import { limits } from "./limits.ts";
import { ReadEvent, unreadableEvent } from "./read-event.ts";
import type { z } from "zod";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The first problem of a failed parse in words a person can use: `on_busy: expected one of …`. */
function problemOf(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return "is not valid";
  const path = issue.path.join(".");
  return path === "" ? issue.message : `${path}: ${issue.message}`;
}

/** Parses bytes or text as JSON of one schema. Throws a plain Error with the first problem: for data of our own processes. */
export function decodeJson<T extends z.ZodType>(schema: T, data: Uint8Array | string): z.infer<T> {
  const parsed = schema.safeParse(JSON.parse(typeof data === "string" ? data : decoder.decode(data)));
  if (!parsed.success) throw new Error(`stored data is not as expected: ${problemOf(parsed.error)}`);
  return parsed.data;
}

/** What is stored as JSON; undefined when it is none. */
export function parseStored(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return undefined;
  }
}

export function encodeJson(value: object): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** Parses one frame of a native client. Throws ChatError INVALID_FRAME or MESSAGE_TOO_LARGE. */
export function decodeClientFrame(text: string): ClientFrame {
  const parsed = ClientFrame.safeParse(parseObject(text));
  if (!parsed.success)
    throw new ChatError("INVALID_FRAME", {
      message: `The frame is not valid: ${problemOf(parsed.error)}.`,
    });
  return parsed.data;
}

/** JSON text of an object, or INVALID_FRAME. */
export function parseObject(text: string): Record<string, unknown> {
  if (text.length > limits.clientFrameBytes) throw new ChatError("MESSAGE_TOO_LARGE");
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ChatError("INVALID_FRAME", { message: "The frame is not a JSON object." });
  }
  return Object.fromEntries(Object.entries(value));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: "The frame is not valid JSON.", cause });
  }
}

/** Encodes an event with `type` first, as `typeOfStored` and the edge rely on. */
export function encodeEvent(event: StoredEvent): Uint8Array {
  const { type, ...rest } = event;
  return encodeJson({ type, ...rest });
}

/**
 * Never throws: one event that cannot be read must not end the process of everybody who reads it. It becomes `unreadable`, which folds to
 * nothing, for all readers alike.
 */
export function decodeEvent(data: Uint8Array): ReadEvent {
  return ReadEvent.safeParse(parseStored(data)).data ?? unreadableEvent;
}

const typeStart = '{"type":"'.length;
const quote = 0x22;

const tokenType = encoder.encode('token"');

/** Nearly all events are tokens, and comparing six bytes costs a tenth of decoding them. */
function isToken(data: Uint8Array): boolean {
  return tokenType.every((byte, i) => data[typeStart + i] === byte);
}

/** The type of a stored event without parsing it; empty when the bytes do not begin as `encodeEvent` writes them. */
export function typeOfStored(data: Uint8Array): string {
  if (isToken(data)) return "token";
  const end = data.indexOf(quote, typeStart);
  if (end < 0 || end > 64) return "";
  return decoder.decode(data.subarray(typeStart, end));
}

/** How a frame begins that has a sequence: what follows is a stored event without its first brace. */
export function seqHead(seq: number): string {
  return `{"seq":${seq},`;
}

/** The native frame of a stored event: its bytes with `seq` spliced in as the first key. */
export function withSeq(seq: number, data: Uint8Array): Uint8Array {
  const head = encoder.encode(seqHead(seq));
  const frame = new Uint8Array(head.length + data.length - 1);
  frame.set(head, 0);
  frame.set(data.subarray(1), head.length);
  return frame;
}
