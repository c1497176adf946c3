import type { ConversationHistory, Violation } from "../history.ts";
import { turnLogsOf, wasCancelledWaiting, type TurnLog } from "./turn-log.ts";

interface Interval {
  readonly turn: string;
  readonly from: number;
  readonly to: number;
  /** Place in the queue; undefined when it was not seen there. */
  readonly place: number | undefined;
}

/**
 * P4: the turns of a conversation run one after the other (from their first claim to their end) in the order in which they were accepted.
 * A turn that was cancelled while it waited ends at once and is no part of that order.
 */
export function checkOrder(history: ConversationHistory): Violation[] {
  const conversation = history.plan.id;
  const intervals = [...turnLogsOf(history).values()]
    .filter((log) => !wasCancelledWaiting(log))
    .flatMap((log) => intervalOf(log, history.queued) ?? [])
    .toSorted((one, other) => one.from - other.from);
  const violations: Violation[] = [];
  for (const [index, next] of intervals.entries()) {
    for (const before of intervals.slice(0, index)) {
      const at = { promise: "P4" as const, conversation, turn: next.turn };
      if (next.from < before.to) violations.push({ ...at, what: `it began while ${before.turn} ran` });
      if (isAhead(next.place, before.place))
        violations.push({ ...at, what: `it ran after ${before.turn}, which was accepted later` });
    }
  }
  return violations;
}

function intervalOf(
  { turn, firstClaim, terminal }: TurnLog,
  queued: ReadonlyMap<string, number>,
): Interval | undefined {
  if (firstClaim === undefined) return undefined;
  return { turn, from: firstClaim.seq, to: terminal?.seq ?? Number.POSITIVE_INFINITY, place: queued.get(turn) };
}

function isAhead(place: number | undefined, other: number | undefined): boolean {
  return place !== undefined && other !== undefined && place < other;
}
