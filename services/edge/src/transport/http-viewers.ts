import { randomBytes } from "node:crypto";
import type { Dialect } from "@parley/dialects";
import { ChatError, type Caller } from "@parley/protocol";
import { createConnection, move } from "../delivery/connection.ts";
import type { Limiter } from "../admission/limits.ts";
import type { Whence } from "../admission/address.ts";
import type { Sink } from "../delivery/outlet.ts";
import { endOfOwn, type ConnectionEnd, type Transport } from "../figures/connection-figures.ts";
import type { HubConnection, HubViewer } from "../hub/hub.ts";
import type { Connections } from "./connections.ts";

export interface HttpViewersDeps {
  readonly connections: Connections;
  readonly maxConnections: number;
  readonly sockets: Limiter["sockets"];
  /** How long a request may wait for an answer. */
  readonly maxWaitMs: number;
}

export interface ViewerSpec {
  readonly caller: Caller;
  readonly whence: Whence;
  readonly dialect: Dialect;
  readonly sink: Sink;
  readonly transport: Transport;
  /** It has waited for as long as a request may. */
  readonly onDeadline: () => void;
  /** Every 15 s. */
  readonly onBeat?: () => void;
}

interface Waiting {
  readonly spec: ViewerSpec;
  readonly deadlineMs: number;
  nextBeatMs: number;
}

export type HttpViewers = ReturnType<typeof createHttpViewers>;

/** Under what load balancers take for a dead connection. */
const beatEveryMs = 15_000;

/** HTTP requests that look at a conversation: a connection like a socket's each, so that hubs, replay and backpressure are the same. */
export function createHttpViewers({ connections, maxConnections, sockets, maxWaitMs }: HttpViewersDeps) {
  const waiting = new Map<HubConnection, Waiting>();

  return {
    /** Throws OVERLOADED or RATE_LIMITED. */
    open(spec: ViewerSpec): HubConnection {
      if (connections.size >= maxConnections) throw new ChatError("OVERLOADED", { retryAfterMs: 5_000 });
      const userId = spec.caller.user.id;
      sockets.requesting(spec.whence, userId);
      const nowMs = performance.now();
      const id = `http-${randomBytes(9).toString("base64url")}`;
      const { dialect, transport } = spec;
      const connection = createConnection<HubViewer>({
        id,
        dialect,
        transport,
        openedMs: nowMs,
        credential: undefined,
        ...spec.whence,
      });
      sockets.requested(connection, userId);
      connection.ws = spec.sink;
      connection.caller = spec.caller;
      // A request was allowed when it came; it does not outlive its own deadline.
      connection.expiresMs = Infinity;
      move(connection, "ready");
      connections.add(connection);
      waiting.set(connection, { spec, deadlineMs: nowMs + maxWaitMs, nextBeatMs: nowMs + beatEveryMs });
      return connection;
    },

    /** The request was answered, or its client is gone. */
    close(connection: HubConnection, end: ConnectionEnd): void {
      if (!waiting.delete(connection)) return;
      connections.closed(connection, connection.closeCode === undefined ? end : endOfOwn(connection.closeCode));
    },

    /** Once a second. */
    sweep(nowMs: number): void {
      for (const entry of waiting.values()) {
        if (nowMs >= entry.deadlineMs) entry.spec.onDeadline();
        else if (nowMs >= entry.nextBeatMs) {
          entry.nextBeatMs = nowMs + beatEveryMs;
          entry.spec.onBeat?.();
        }
      }
    },
  };
}
