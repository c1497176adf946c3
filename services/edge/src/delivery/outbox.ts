import { frameWithoutPosts, withoutPost, type VisibleEvent } from "@parley/dialects";
import { closeCodes, nativeSubprotocol, type ConnectionFrame } from "@parley/protocol";
import type { AnswerTimes } from "./answer-times.ts";
import { addFrame, createFrameBatch, takeMessage } from "./frame-batch.ts";
import type { DeliveryLimits } from "./delivery-limits.ts";
import { createLaggards, type Laggards } from "./laggards.ts";
import type { Outlet } from "./outlet.ts";

export interface OutboxDeps {
  readonly limits: DeliveryLimits;
  readonly counters: { frames: number; sentBytes: number; lagged: number };
  readonly answers: Pick<AnswerTimes, "eventSent" | "frameSent">;
}

interface Context extends OutboxDeps {
  readonly laggards: Laggards;
}

export type Outbox = ReturnType<typeof createOutbox>;

/** Sends, and knows which sockets do not keep up: those get no more events until they have drained. */
export function createOutbox(deps: OutboxDeps) {
  const laggards = createLaggards();
  const { answers } = deps;
  const context: Context = { ...deps, laggards };

  return {
    isWritable,
    close: (outlet: Outlet, code: number, reason: string): void => close(context, outlet, code, reason),

    /** Sends one event; returns whether the socket takes more. Outside of a cork it leaves at once. */
    sendEvent(outlet: Outlet, event: VisibleEvent): boolean {
      if (event.type === "post" && !takesPosts(outlet)) return sendAsTurn(context, outlet, event);
      const encoded = outlet.dialect.encodeEvent(event);
      const { asked } = outlet;
      if (asked !== undefined) answers.eventSent(outlet, asked, event, sizeOf(encoded) > 0);
      return sendAll(context, outlet, encoded);
    },

    /** A frame of the connection. It is sent to a lagging socket too, but not without end. Returns whether the socket takes more. */
    sendFrame: (outlet: Outlet, frame: ConnectionFrame): boolean => sendFrame(context, outlet, frame),

    /** Runs `send` so that all it sends leaves together: in one system call, and where the client knows batches in one message. */
    cork(sender: Outlet, send: () => void): void {
      const outlet = carrierOf(sender);
      const isBatch = outlet.knowsBatches === true && outlet.batch === undefined;
      outlet.ws?.cork(isBatch ? () => sendBatch(context, outlet, send) : send);
      // What was corked has only now been tried.
      check(context, outlet);
    },

    /** Some of what was unsent has left. Returns whether the socket has just stopped lagging. */
    drained: (outlet: Outlet): boolean => drained(context, outlet),

    /** The connection is gone. */
    forget: laggards.delete,

    /** Closes what has lagged for too long. */
    sweep(nowMs: number): void {
      for (const outlet of laggards.since(nowMs - deps.limits.lagMs))
        close(context, outlet, closeCodes.tooSlow, tooSlow);
    },

    stats: laggards.stats,
  };
}

const tooSlow = "too slow";

/** Closes a socket. Its close handler has run when this returns; after it no method of the socket may be called. */
function close(context: Context, sender: Outlet, code: number, reason: string): void {
  const outlet = carrierOf(sender);
  flush(context, outlet);
  if (outlet.ws !== undefined) outlet.closeCode ??= code;
  outlet.ws?.end(code, reason);
}

function isWritable(outlet: Outlet): boolean {
  return outlet.ws !== undefined && carrierOf(outlet).laggingSinceMs === 0;
}

/** Whose socket it is: what waits in it is counted there alone. */
export function carrierOf(outlet: Outlet): Outlet {
  return outlet.carrier ?? outlet;
}

function check(context: Context, outlet: Outlet): void {
  const { limits, counters, laggards } = context;
  const bufferedBytes = outlet.ws?.getBufferedAmount() ?? 0;
  if (bufferedBytes <= limits.softBytes) return;
  if (outlet.laggingSinceMs === 0) {
    outlet.laggingSinceMs = performance.now();
    outlet.owedBytes = 0;
    counters.lagged++;
  }
  laggards.set(outlet, bufferedBytes);
  for (const oldest of laggards.beyond(limits.totalBufferedBytes)) close(context, oldest, closeCodes.tooSlow, tooSlow);
}

function drained({ limits, laggards }: Context, outlet: Outlet): boolean {
  if (outlet.laggingSinceMs === 0) return false;
  const bufferedBytes = outlet.ws?.getBufferedAmount() ?? 0;
  if (bufferedBytes > limits.softBytes / 2) {
    laggards.set(outlet, bufferedBytes);
    return false;
  }
  outlet.laggingSinceMs = 0;
  laggards.delete(outlet);
  return true;
}

/** Whether posts are told to it as what they are. */
export function takesPosts({ knowsPosts, dialect }: Pick<Outlet, "knowsPosts" | "dialect">): boolean {
  return knowsPosts === true && dialect.name === nativeSubprotocol;
}

function sendAsTurn(context: Context, outlet: Outlet, event: VisibleEvent): boolean {
  const encoded = withoutPost(event).flatMap((told) => outlet.dialect.encodeEvent(told));
  return sendAll(context, outlet, encoded);
}

function sendFrame(context: Context, outlet: Outlet, whole: ConnectionFrame): boolean {
  const frame = whole.type !== "snapshot" || takesPosts(outlet) ? whole : frameWithoutPosts(whole);
  const encoded = outlet.dialect.encodeFrame(frame);
  if (outlet.asked !== undefined) context.answers.frameSent(outlet, outlet.asked, frame);
  const carrier = carrierOf(outlet);
  if (carrier.laggingSinceMs > 0) {
    carrier.owedBytes += sizeOf(encoded);
    if (carrier.owedBytes > context.limits.owedBytes) {
      close(context, outlet, closeCodes.tooSlow, tooSlow);
      return false;
    }
  }
  return sendAll(context, outlet, encoded);
}

function sendAll(context: Context, outlet: Outlet, encoded: Uint8Array | readonly Uint8Array[]): boolean {
  if (encoded instanceof Uint8Array) return sendBytes(context, outlet, encoded);
  let takesMore = isWritable(outlet);
  for (const bytes of encoded) takesMore = sendBytes(context, outlet, bytes);
  return takesMore;
}

function sendBytes(context: Context, sender: Outlet, bytes: Uint8Array): boolean {
  const outlet = carrierOf(sender);
  const { ws, batch } = outlet;
  if (ws === undefined) return false;
  context.counters.frames++;
  if (batch === undefined) return write(context, outlet, bytes);
  const { batchBytes } = context.limits;
  if (batch.bytes + bytes.length > batchBytes) flush(context, outlet);
  addFrame(batch, bytes);
  return batch.bytes > batchBytes ? flush(context, outlet) : isWritable(outlet);
}

function sendBatch(context: Context, outlet: Outlet, send: () => void): void {
  outlet.batch = createFrameBatch();
  try {
    send();
  } finally {
    flush(context, outlet);
    outlet.batch = undefined;
  }
}

/** What waits for more of its batch leaves. Returns whether the socket takes more. */
function flush(context: Context, outlet: Outlet): boolean {
  const message = outlet.batch === undefined ? undefined : takeMessage(outlet.batch);
  return message === undefined ? isWritable(outlet) : write(context, outlet, message);
}

function write(context: Context, outlet: Outlet, bytes: Uint8Array): boolean {
  const { ws } = outlet;
  if (ws === undefined) return false;
  context.counters.sentBytes += bytes.length;
  if (ws.send(bytes, false) === 1) return true;
  check(context, outlet);
  return isWritable(outlet);
}

function sizeOf(encoded: Uint8Array | readonly Uint8Array[]): number {
  return encoded instanceof Uint8Array ? encoded.length : encoded.reduce((sum, bytes) => sum + bytes.length, 0);
}
