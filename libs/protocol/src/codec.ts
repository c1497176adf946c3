import { ChatError } from "./chat-error.ts";
import { ClientFrame, MessageFrame } from "./client-frames.ts";
import type { ConversationEvent } from "./conversation-events.ts";
import type { StoredEvent } from "./events.ts";
import { fitsFrame } from "./encoded-size.ts";
import { CallId, ConversationId } from "./ids.ts";
import { problemOf } from "./issue-words.ts";
import { shapeOfJson } from "./json-shape.ts";
import { limits } from "./limits.ts";
import { withSaidText } from "./message-files.ts";
import { ReadEvent, unreadableEvent } from "./read-event.ts";
import { z } from "zod";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Parses bytes or text as JSON of one schema. Throws a plain Error with the first problem: for data of our own processes. */
export function decodeJson<T extends z.ZodType>(schema: T, data: Uint8Array | string): z.infer<T> {
  const value: unknown = JSON.parse(typeof data === "string" ? data : decoder.decode(data));
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(`stored data is not as expected: ${problemOf(parsed.error, value)}`);
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

/** In JSON text: an escaped surrogate pair, half of one, or any other escape, so that none is looked for inside another. */
const escapes = /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u[dD][89a-fA-F][\da-fA-F]{2}|\\[^]/g;
const anySurrogate = /\\u[dD][89a-fA-F]/;
const halfPairLength = String.raw`\ud800`.length;

/**
 * The JSON text with U+FFFD for each lone surrogate, escaped or not, in keys too. What was parsed from it has none anywhere: no UTF-8 can say one,
 * and model servers refuse a request that does. It is done to the text, because a walk through the values would be as deep as their author likes.
 */
export function wellFormedJson(text: string): string {
  const whole = text.toWellFormed();
  if (!anySurrogate.test(whole)) return whole;
  return whole.replace(escapes, (escape) => (escape.length === halfPairLength ? "\ufffd" : escape));
}

/** As `JSON.parse`, of what somebody else wrote. Throws SyntaxError. */
export function parseWellFormed(text: string): unknown {
  return JSON.parse(wellFormedJson(text));
}

/** Parses one frame of a native client. Throws ChatError INVALID_FRAME or MESSAGE_TOO_LARGE. */
export function decodeClientFrame(text: string): ClientFrame {
  const frame = parseObject(text);
  const parsed = ClientFrame.safeParse(frame);
  if (!parsed.success) {
    throw new ChatError("INVALID_FRAME", { message: `The frame is not valid: ${problemOf(parsed.error, frame)}.` });
  }
  if (parsed.data.type !== "message") return parsed.data;
  checkSaysSomething(frame, "frame");
  if (parsed.data.metadata !== undefined) checkMetadata(parsed.data.metadata);
  return withSaidText(parsed.data);
}

/** An empty message is one thing, a frame that forgets it another. Throws ChatError INVALID_FRAME. */
export function checkSaysSomething(
  { message, parts }: { readonly message?: unknown; readonly parts?: unknown },
  what: "frame" | "request",
): void {
  if (message !== undefined || (parts !== undefined && parts !== null)) return;
  throw new ChatError("INVALID_FRAME", { message: `The ${what} is not valid: message is missing.` });
}

/** JSON can be parsed at depths at which it cannot be written again. */
function checkMetadata(metadata: object): void {
  if (!isDeeperThan(metadata, limits.metadataDepth)) return;
  const message = `The frame is not valid: metadata is nested deeper than ${limits.metadataDepth} levels.`;
  throw new ChatError("INVALID_FRAME", { message });
}

/** Whether objects and arrays are nested within each other by more than so many levels. Looks no deeper. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

function tooLarge(what: string, maxBytes: number): ChatError {
  return new ChatError("MESSAGE_TOO_LARGE", { message: `${what} is larger than ${maxBytes / 1024} KB.` });
}

/** Whether a text may be sent as a message, alone or with files. Throws ChatError EMPTY_MESSAGE or MESSAGE_TOO_LARGE. */
export function checkMessageText(text: string, files: readonly unknown[] = []): void {
  if (files.length === 0 && text.trim() === "") throw new ChatError("EMPTY_MESSAGE");
  // No text has fewer bytes than characters, or more than three for each.
  if (text.length * 3 <= limits.messageBytes) return;
  if (encoder.encode(text).length > limits.messageBytes) throw tooLarge("The text", limits.messageBytes);
}

/** JSON text of an object, or INVALID_FRAME, or MESSAGE_TOO_LARGE. */
export function parseObject(text: string): Record<string, unknown> {
  if (saysTooMuch(text)) throw tooLarge("The frame", limits.clientFrameBytes);
  const value = parseJson(text);
  if (isLong(text) && !fitsFrame(value)) throw tooLarge("The frame", limits.clientFrameBytes);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ChatError("INVALID_FRAME", { message: "The frame is not a JSON object." });
  }
  return Object.fromEntries(Object.entries(value));
}

function parseJson(text: string): unknown {
  try {
    return parseWellFormed(text);
  } catch (cause) {
    if (isLong(text)) throw tooLarge("The frame", limits.clientFrameBytes);
    throw new ChatError("INVALID_FRAME", { message: "The frame is not valid JSON.", cause });
  }
}

/** Whether JSON text has more bytes than a frame may have, escapes and all. */
function isLong(text: string): boolean {
  // No text has fewer bytes than characters, or more than three for each.
  if (text.length * 3 <= limits.clientFrameBytes) return false;
  return text.length > limits.clientFrameBytes || encoder.encode(text).length > limits.clientFrameBytes;
}

/** Whether JSON text cannot fit the limit of a frame, whatever its escapes stand for: as much as can be known, and cheaply, before it is parsed. */
export function saysTooMuch(text: string): boolean {
  return isLong(text) && shapeOfJson(text).saidBytes > limits.clientFrameBytes;
}

const readable = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);

const ReadableAddress = z
  .object({
    type: readable(z.string().max(64)),
    id: readable(MessageFrame.shape.id),
    conversation_id: readable(ConversationId),
    call_id: readable(CallId),
  })
  .transform(({ type: frame, id, conversation_id, call_id }) => ({
    ...(frame === undefined ? {} : { frame }),
    ...(id === undefined ? {} : { id }),
    ...(conversation_id === undefined ? {} : { conversation_id }),
    ...(call_id === undefined ? {} : { call_id }),
  }));
/** What the answer to a frame says of it, so that its sender knows which one is meant. */
export type FrameAddress = z.infer<typeof ReadableAddress>;

/** A frame that is too long is read for its address only if it is as flat as frames are: parsing hundreds of thousands of brackets takes long. */
const addressDepth = 64;

/** As much of it as can be read of a frame that is refused. */
export function frameAddressOf(text: string): FrameAddress {
  if (isLong(text) && shapeOfJson(text).depth > addressDepth) return {};
  try {
    return ReadableAddress.safeParse(parseWellFormed(text)).data ?? {};
  } catch {
    // Not JSON: there is nothing to be read.
    return {};
  }
}

type TokenEvent = Extract<StoredEvent, { type: "token" }>;
type WrittenField = "type" | "token" | "conversation_id" | "turn_id" | "attempt" | "n" | "ts";
/** A field that `encodeToken` does not write makes the call below a type error. */
type WrittenToken = { [Field in keyof TokenEvent]: Field extends WrittenField ? TokenEvent[Field] : never };

/** Nearly all events are tokens: written directly, they need no copy of the object. */
function encodeToken({ token, conversation_id, turn_id, attempt, n, ts }: WrittenToken): Uint8Array {
  const address = `"conversation_id":${JSON.stringify(conversation_id)},"turn_id":${JSON.stringify(turn_id)}`;
  const place = `"ts":${ts},"attempt":${attempt},"n":${n}`;
  return encoder.encode(`{"type":"token",${address},${place},"token":${JSON.stringify(token)}}`);
}

/** Encodes an event with `type` first, as `typeOfStored` and the edge rely on. */
export function encodeEvent(event: StoredEvent | ConversationEvent): Uint8Array {
  if (event.type === "token") return encodeToken(event);
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
