import type { StoredAt } from "../history.ts";
import type { StateFrame, Walk } from "./viewer-walk.ts";

/** Events stored so close to each other were written at the same time; and the broker passes them on not later than that. */
const [sameTimeEvents, lateEvents] = [64, 2_000];
/** How far back an edge looks for several writers before it believes a cursor (ADR 12): visible events of the conversation, events of the stream. */
const [doubtedEvents, doubtedSeqs] = [128, 4_096];

/** Of one subject: the broker passes these on in their order. */
function isOfOneWriter(one: StoredAt, other: StoredAt): boolean {
  return one.channel === other.channel && one.turn === other.turn;
}

/** Whether the broker may have passed on first what is at `seq`, or something up to there that was folded into it. */
export function mayComeLater(
  { visible, expected }: Walk,
  stored: StoredAt,
  own: StoredAt | undefined,
  seq: number,
): boolean {
  if (own !== undefined && isOfOneWriter(stored, own)) return false;
  if (expected.copiesLateMs > 0) return true;
  const reach = Math.min(seq, stored.seq + sameTimeEvents);
  return visible.some((at) => at.seq > stored.seq && at.seq <= reach && !isOfOneWriter(at, stored));
}

/**
 * Whether an edge may have had to put a device right with a snapshot of the conversation: its cursor may hide an event that was overtaken, or
 * two writers wrote at the same time since.
 */
export function mayNeedWhole(walk: Walk, frame: StateFrame): boolean {
  if (walk.offset === undefined) return false;
  return !walk.passedOver.isEmpty() || isDoubtful(walk) || mayHaveOvertaken(walk, frame.seq - walk.offset);
}

/** Several writers just before the cursor with which it came. */
function isDoubtful({ visible, offset = 0, resumedAt }: Walk): boolean {
  if (resumedAt === undefined) return false;
  const cursor = resumedAt - offset;
  const before = visible.filter(({ seq }) => seq <= cursor && seq > cursor - doubtedSeqs).slice(-doubtedEvents);
  const [first] = before;
  return first !== undefined && !before.every((event) => isOfOneWriter(event, first));
}

/** The broker stores one event after the other, but may pass them on in the other order. */
function mayHaveOvertaken({ history, expected }: Walk, seq: number): boolean {
  return history.events.some((event, i) => {
    if (event.seq < seq - lateEvents || event.seq > seq) return false;
    const next = history.events[i + 1];
    if (next === undefined || next.seq > seq || isOfOneWriter(event, next)) return false;
    return expected.copiesLateMs > 0 || next.seq - event.seq <= sameTimeEvents;
  });
}
