import { seqHead, type ConnectionFrame, type ToolStatus } from "@parley/protocol";
import type { VisibleEvent } from "./visible-event.ts";

/** Of frames that several viewers get. They live as long as their frames. */
const encoded = new WeakMap<ConnectionFrame, Buffer>();

/**
 * The bytes of a frame. A snapshot may be as large as a quarter of a megabyte, and after a late event all who look at a conversation get the same
 * one: it is encoded once.
 */
export function jsonOf(frame: ConnectionFrame): Buffer {
  if (frame.type !== "snapshot") return bytesOf(frame);
  let bytes = encoded.get(frame);
  if (bytes === undefined) encoded.set(frame, (bytes = bytesOf(frame)));
  return bytes;
}

function bytesOf(frame: object): Buffer {
  return Buffer.from(JSON.stringify(frame));
}

/**
 * The status `unknown` for clients that have not said that they know it: they are told `failed`, as before there was the word. It may stand at the end
 * of a call, in the calls of a turn's end, and in those of a snapshot; of a part it is that of a tool call. What does not contain it goes out as the
 * bytes that all get, and what does is encoded once more, for all who need that together.
 */

const newStatus: ToolStatus = "unknown";
const knownStatus: ToolStatus = "failed";
/** Between the quotes of a text it would be escaped. */
const mark = Buffer.from(`"status":"${newStatus}"`);

const withStatuses: ReadonlySet<string> = new Set(["tool_call_end", "complete", "cancelled", "error"]);

export function legacyStatus(status: string): string {
  return status === newStatus ? knownStatus : status;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function replaceStatus(call: unknown): void {
  if (isRecord(call) && call["status"] === newStatus) call["status"] = knownStatus;
}

function replaceStatusesOf(holder: unknown): void {
  if (!isRecord(holder)) return;
  const { tool_calls: calls, parts } = holder;
  if (Array.isArray(calls)) calls.forEach(replaceStatus);
  if (Array.isArray(parts))
    parts.filter((part) => isRecord(part) && part["type"] === "tool_call").forEach(replaceStatus);
}

/** In place: `frame` was parsed for this alone. */
function replaceAll(frame: unknown): void {
  if (!isRecord(frame)) return;
  if (frame["type"] === "tool_call_end") replaceStatus(frame);
  replaceStatusesOf(frame);
  if (Array.isArray(frame["messages"])) frame["messages"].forEach(replaceStatusesOf);
}

function legacyBytes(bytes: Buffer): Buffer {
  if (!bytes.includes(mark)) return bytes;
  const frame: unknown = JSON.parse(bytes.toString("utf8"));
  replaceAll(frame);
  return Buffer.from(JSON.stringify(frame));
}

/** They live as long as what they were made of. */
const ofEvents = new WeakMap<VisibleEvent, Buffer>();
const ofFrames = new WeakMap<ConnectionFrame, Buffer>();

/** The native frame of an event, for who does not know the status. */
export function legacyFrame(event: VisibleEvent): Buffer {
  if (event.type === "token" || !withStatuses.has(event.type)) return event.frame;
  let bytes = ofEvents.get(event);
  if (bytes === undefined) ofEvents.set(event, (bytes = legacyBytes(event.frame)));
  return bytes;
}

/** As `jsonOf`. */
export function legacyJson(frame: ConnectionFrame): Buffer {
  if (frame.type !== "snapshot") return jsonOf(frame);
  let bytes = ofFrames.get(frame);
  if (bytes === undefined) ofFrames.set(frame, (bytes = legacyBytes(jsonOf(frame))));
  return bytes;
}

/** The body of an answer over HTTP. */
export function legacyBody(body: string): string {
  return body.includes(mark.toString()) ? legacyBytes(Buffer.from(body)).toString() : body;
}

const seqStart = seqHead(0).indexOf("0");
const comma = 0x2c;

/** The cursor stands first in the frame of an event. */
export function wireSeqOf(frame: Buffer): string {
  return frame.toString("latin1", seqStart, frame.indexOf(comma));
}
