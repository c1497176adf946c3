import { Histogram } from "@parley/runtime";
import { connectionEnds, type ConnectionEnd } from "./connection-end.ts";

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
