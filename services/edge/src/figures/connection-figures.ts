import { closeCodes } from "@parley/protocol";
import { Histogram } from "@parley/runtime";

/**
 * How a connection ended.
 *
 * | end | |
 * |---|---|
 * | `client` | its client closed it |
 * | `lost` | it broke: the network, a process that was killed, a device that went to sleep |
 * | `answered` | an HTTP request that has its answer |
 * | `going_away` | it was asked to come back: this process stops, or a request waited for as long as it may |
 * | `slow` | its client did not read what was sent |
 * | `auth` | no token in time, a bad one, one that ran out |
 * | `policy` | it did what clients may not do |
 * | `error` | something failed here, or its bytes were no WebSocket |
 */
export type ConnectionEnd = (typeof connectionEnds)[number];

export const connectionEnds = ["client", "lost", "answered", "going_away", "slow", "auth", "policy", "error"] as const;

const ownEnds: ReadonlyMap<number, ConnectionEnd> = new Map([
  [closeCodes.goingAway, "going_away"],
  [closeCodes.tooSlow, "slow"],
  [closeCodes.tokenExpired, "auth"],
  [closeCodes.authDeadline, "auth"],
  [closeCodes.badToken, "auth"],
  [closeCodes.overloaded, "error"],
  [closeCodes.protocolAbuse, "policy"],
  [closeCodes.policy, "policy"],
  [closeCodes.tooManyConnections, "policy"],
]);

/** What ended it when it was closed here, with this code. */
export function endOfOwn(code: number): ConnectionEnd {
  return ownEnds.get(code) ?? "error";
}

export interface SocketClose {
  /** The code with which it was closed here; undefined: it was not. */
  readonly ownCode: number | undefined;
  /** What the library says: our code, that of the client's close frame, or 1006. */
  readonly code: number;
  /** What the client, or for 1006 the library, says about it. */
  readonly reason: string;
}

const abnormalCode = 1006;

/** The library's words for bytes that it could not take; an end without a close frame it calls "Received TCP FIN …". */
const brokenFrame = /^Received (?!TCP FIN)/;

export function endOfSocket({ ownCode, code, reason }: SocketClose): ConnectionEnd {
  if (ownCode !== undefined) return endOfOwn(ownCode);
  if (code !== abnormalCode) return "client";
  return brokenFrame.test(reason) ? "error" : "lost";
}

/** Clients may close with some 2,000 codes, ours among them: those that a client made up are one. */
export function closeLabelOf({ ownCode, code }: SocketClose): string {
  if (ownCode !== undefined) return String(ownCode);
  return code >= 1000 && code <= 1015 ? String(code) : "other";
}

/** `events`: a request that streams its answer; `request`: one that waits for it. */
export type Transport = "websocket" | "events" | "request";

export interface Ended {
  readonly transport: Transport;
  /** A `performance.now`. */
  readonly openedMs: number;
}

const durationBucketsS = [1, 5, 15, 60, 300, 900, 1_800, 3_600, 14_400, 28_800, 86_400];

/** How long connections lasted. Observed once each, when they are gone. */
export function createConnectionFigures() {
  const durations = new Histogram({
    name: "parley_edge_connection_duration_seconds",
    help: "How long connections lasted, by how they ended; those that are open are not in it.",
    labelNames: ["transport", "end"],
    buckets: durationBucketsS,
    registers: [],
  });
  // A counter that begins with its first event has no increase for an alert to see.
  for (const end of connectionEnds) {
    if (end !== "answered") durations.zero({ transport: "websocket", end });
  }
  return {
    durations,
    closed({ transport, openedMs }: Ended, end: ConnectionEnd): void {
      durations.observe({ transport, end }, (performance.now() - openedMs) / 1_000);
    },
  };
}
