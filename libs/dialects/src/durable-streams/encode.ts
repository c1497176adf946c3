import type { SnapshotFrame } from "@parley/protocol";
import { jsonOf, legacyFrame, legacyJson } from "../frame-bytes.ts";
import type { VisibleEvent } from "../visible-event.ts";

/** The messages of a stream are native frames: events, and now and then a snapshot that stands for all up to its cursor. */

export function eventMessage(event: VisibleEvent, isKnowing: boolean): Buffer {
  return isKnowing ? event.frame : legacyFrame(event);
}

export function snapshotMessage(frame: SnapshotFrame, isKnowing: boolean): Buffer {
  return isKnowing ? jsonOf(frame) : legacyJson(frame);
}

/** As JSON mode has it: one array. */
export function streamBody(messages: readonly Buffer[]): Buffer {
  return Buffer.from(`[${messages.map((message) => message.toString()).join(",")}]`);
}

/** Without a space behind the colon, as the protocol's own server writes it: there are readers that look for just that. */
const dataHead = Buffer.from("event: data\ndata:[");
const dataEnd = Buffer.from("]\n\n");

/** One message as a server-sent event. JSON has no line breaks. */
export function dataEvent(message: Buffer): Buffer {
  return Buffer.concat([dataHead, message, dataEnd]);
}

export interface Control {
  readonly offset: string;
  /** For caches in between. */
  readonly streamCursor: string;
  readonly isUpToDate: boolean;
}

/** Follows every batch of messages: how far the reader is. */
export function controlEvent({ offset, streamCursor, isUpToDate }: Control): Buffer {
  const control = { streamNextOffset: offset, streamCursor, ...(isUpToDate ? { upToDate: true } : {}) };
  return Buffer.from(`event: control\ndata:${JSON.stringify(control)}\n\n`);
}
