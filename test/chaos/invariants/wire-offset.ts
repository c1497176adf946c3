import type { Recording } from "../clients/recording.ts";
import type { StoredAt } from "../history.ts";

/**
 * What the wire's cursors are above the log's sequences: learnt from the frames themselves, by the place that each chain event has in its
 * turn. All frames of one event stream share it. Undefined: no frame of this recording is in the log.
 */
export function wireOffsetOf(events: readonly StoredAt[], recordings: readonly Recording[]): number | undefined {
  const places = new Map<string, number>();
  for (const { turn, seq, event } of events) {
    if ("attempt" in event) places.set(`${turn} ${event.attempt} ${event.n} ${event.type}`, seq);
  }
  for (const { entries } of recordings) {
    for (const entry of entries) {
      if (entry.kind !== "frame" || !("n" in entry.frame)) continue;
      const { turn_id, attempt, n, type, seq } = entry.frame;
      const place = places.get(`${turn_id} ${attempt} ${n} ${type}`);
      if (place !== undefined) return seq - place;
    }
  }
  return undefined;
}
