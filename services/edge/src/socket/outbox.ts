import { closeCodes, type ConnectionFrame } from "@parley/protocol";
import type { DeliveryLimits } from "../delivery-limits.ts";
import type { VisibleEvent } from "../hub/visible-event.ts";
import type { Outlet, Source, Viewer } from "../hub/viewer.ts";

export interface OutboxDeps {
  readonly limits: DeliveryLimits;
  readonly counters: { frames: number; lagged: number };
}

export type Outbox = ReturnType<typeof createOutbox>;

/** Closes a socket. Its close handler has run when this returns; after it no method of the socket may be called. */
function close(outlet: Outlet, code: number, reason: string): void {
  outlet.ws?.end(code, reason);
}

/**
 * Sends. What comes within one turn of the event loop leaves in one system call per socket, and a socket that does not keep up gets no
 * more events until it has drained.
 */
export function createOutbox({ limits, counters }: OutboxDeps) {
  let dirty = new Set<Source>();
  let flushing: NodeJS.Immediate | undefined;
  /** Outlets that lag, in the order in which they began, with what they had unsent when last looked at. */
  const laggards = new Map<Outlet, number>();
  let totalBytes = 0;

  const setBuffered = (outlet: Outlet, bytes: number | undefined): void => {
    totalBytes -= laggards.get(outlet) ?? 0;
    if (bytes === undefined) laggards.delete(outlet);
    else laggards.set(outlet, bytes);
    totalBytes += bytes ?? 0;
  };

  const lag = (outlet: Outlet, bufferedBytes: number): void => {
    if (outlet.laggingSinceMs === 0) {
      outlet.laggingSinceMs = performance.now();
      outlet.owedBytes = 0;
      counters.lagged++;
    }
    setBuffered(outlet, bufferedBytes);
    for (const oldest of laggards.keys()) {
      if (totalBytes <= limits.totalBufferedBytes) break;
      close(oldest, closeCodes.tooSlow, "too slow");
    }
  };

  /** After sending: what was corked has only now been tried. */
  const check = (outlet: Outlet): void => {
    const bufferedBytes = outlet.ws?.getBufferedAmount() ?? 0;
    if (bufferedBytes > limits.softBytes) lag(outlet, bufferedBytes);
  };

  const isWritable = (outlet: Outlet): boolean => outlet.ws !== undefined && outlet.laggingSinceMs === 0;

  /** Sends one message; returns whether the socket takes more. */
  const sendBytes = (outlet: Outlet, bytes: Uint8Array): boolean => {
    const { ws } = outlet;
    if (ws === undefined) return false;
    counters.frames++;
    if (ws.send(bytes, false) === 1) return true;
    check(outlet);
    return isWritable(outlet);
  };

  const sendAll = (outlet: Outlet, encoded: Uint8Array | readonly Uint8Array[]): boolean => {
    if (encoded instanceof Uint8Array) return sendBytes(outlet, encoded);
    let takesMore = true;
    for (const bytes of encoded) takesMore = sendBytes(outlet, bytes);
    return takesMore;
  };

  const sendEvent = (outlet: Outlet, event: VisibleEvent): boolean =>
    sendAll(outlet, outlet.dialect.encodeEvent(event));

  /** What is new for a live viewer. */
  const deliver = (viewer: Viewer): void => {
    if (viewer.state !== "live") return;
    const { events, floor } = viewer.source.ring;
    let next = events.length;
    while (next > 0 && (events[next - 1]?.seq ?? 0) > viewer.cursor) next--;
    if (next === events.length) return;
    if (viewer.cursor < floor || !isWritable(viewer.outlet)) {
      viewer.state = "lagging";
      return;
    }
    for (; next < events.length; next++) {
      const event = events[next];
      if (event === undefined) return;
      viewer.cursor = event.seq;
      if (sendEvent(viewer.outlet, event)) continue;
      viewer.state = "lagging";
      return;
    }
  };

  let corked: Outlet | undefined;
  /** One function for all sockets: a closure per socket and tick would be garbage at every token. */
  const deliverToCorked = (): void => {
    if (corked === undefined) return;
    for (const viewer of corked.viewers.values()) deliver(viewer);
  };

  const flush = (): void => {
    flushing = undefined;
    const sources = dirty;
    dirty = new Set();
    const outlets = new Set<Outlet>();
    for (const { viewers } of sources) {
      for (const { state, outlet } of viewers) if (state === "live" && outlet.ws !== undefined) outlets.add(outlet);
    }
    for (const outlet of outlets) {
      corked = outlet;
      outlet.ws?.cork(deliverToCorked);
      check(outlet);
    }
    corked = undefined;
    for (const source of sources) source.settle();
  };

  return {
    isWritable,
    sendEvent,
    close,

    /** Something is new: its viewers get it within this turn of the event loop. */
    mark(source: Source): void {
      dirty.add(source);
      flushing ??= setImmediate(flush);
    },

    /** Runs `send` so that all it sends leaves together. */
    cork(outlet: Outlet, send: () => void): void {
      outlet.ws?.cork(send);
      check(outlet);
    },

    /** A frame of the connection. It is sent to a lagging socket too, but not without end. */
    sendFrame(outlet: Outlet, frame: ConnectionFrame): boolean {
      const encoded = outlet.dialect.encodeFrame(frame);
      if (outlet.laggingSinceMs > 0) {
        outlet.owedBytes += sizeOf(encoded);
        if (outlet.owedBytes > limits.owedBytes) {
          close(outlet, closeCodes.tooSlow, "too slow");
          return false;
        }
      }
      return sendAll(outlet, encoded);
    },

    /** Some of what was unsent has left. Returns whether the socket has just stopped lagging. */
    drained(outlet: Outlet): boolean {
      if (outlet.laggingSinceMs === 0) return false;
      const bufferedBytes = outlet.ws?.getBufferedAmount() ?? 0;
      if (bufferedBytes > limits.softBytes / 2) {
        setBuffered(outlet, bufferedBytes);
        return false;
      }
      outlet.laggingSinceMs = 0;
      setBuffered(outlet, undefined);
      return true;
    },

    /** The connection is gone. */
    forget(outlet: Outlet): void {
      if (laggards.has(outlet)) setBuffered(outlet, undefined);
    },

    /** Closes what has lagged for too long. */
    sweep(nowMs: number): void {
      for (const outlet of laggards.keys()) {
        if (nowMs - outlet.laggingSinceMs < limits.lagMs) return;
        close(outlet, closeCodes.tooSlow, "too slow");
      }
    },

    stats: () => ({ laggards: laggards.size, bufferedBytes: totalBytes }),

    stop(): void {
      clearImmediate(flushing);
      dirty.clear();
    },
  };
}

function sizeOf(encoded: Uint8Array | readonly Uint8Array[]): number {
  return encoded instanceof Uint8Array ? encoded.length : encoded.reduce((sum, bytes) => sum + bytes.length, 0);
}
