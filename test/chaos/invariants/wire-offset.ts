import type { Recording } from "../clients/recording.ts";
import type { StoredAt, Violation } from "../history.ts";

/**
 * What the wire's cursors are above the log's sequences: learnt from the frames themselves, by the place that each chain event has in its
 * turn. All frames of one event stream share it; none, if no frame of these recordings is in the log.
 */
export function wireOffsetsOf(events: readonly StoredAt[], recordings: readonly Recording[]): Set<number> {
  const places = new Map<string, number>();
  for (const { turn, seq, event } of events) {
    if ("attempt" in event) places.set(`${turn} ${event.attempt} ${event.n} ${event.type}`, seq);
  }
  const offsets = new Set<number>();
  for (const { entries } of recordings) {
    for (const entry of entries) {
      if (entry.kind !== "frame" || !("n" in entry.frame) || !("attempt" in entry.frame)) continue;
      const { turn_id, attempt, n, type, seq } = entry.frame;
      const place = places.get(`${turn_id} ${attempt} ${n} ${type}`);
      if (place !== undefined) offsets.add(seq - place);
    }
  }
  return offsets;
}

/** Said once, beside each frame that is then nowhere in the log: these have one cause. */
export function checkGeneration(offsets: ReadonlySet<number>, isLogLost: boolean | undefined): Violation[] {
  if (isLogLost === true || offsets.size <= 1) return [];
  const what = `edges took the event stream for another one, although its events are kept: offsets ${[...offsets].join(", ")}`;
  return [{ promise: "P2", what }];
}
