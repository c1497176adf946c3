import type { Event } from "./cluster-objects.ts";
import { groupBy } from "./grouping.ts";
import { toDate } from "./times.ts";

/** Events of one object for one reason: they differ in a number or a name in their messages, if at all. */
export interface EventGroup {
  readonly type: string;
  readonly reason: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  /** How often it happened. */
  readonly count: number;
  readonly firstSeen: string | undefined;
  readonly lastSeen: string | undefined;
  /** Of the last one. */
  readonly message: string;
  /** How many different messages there are. */
  readonly messages: number;
}

/** Grouped by object and reason, the last one first. */
export function groupEvents(events: readonly Event[]): EventGroup[] {
  const groups = groupBy(events, ({ type, reason, involvedObject: about, metadata }) =>
    JSON.stringify([type, reason, about?.kind, about?.namespace ?? metadata.namespace, about?.name]),
  );
  return [...groups.values()]
    .map((group) => group.toSorted((one, other) => lastSeenMs(other) - lastSeenMs(one)))
    .toSorted(([one], [other]) => (other ? lastSeenMs(other) : 0) - (one ? lastSeenMs(one) : 0))
    .flatMap((group) => {
      const [last] = group;
      return last === undefined ? [] : [groupOf(last, group)];
    });
}

function groupOf(last: Event, group: readonly Event[]): EventGroup {
  const { type = "Normal", reason = "", involvedObject: about, metadata, message = "" } = last;
  const firsts = group.flatMap((event) => event.firstTimestamp ?? event.eventTime ?? lastSeen(event) ?? []);
  return {
    ...{ type, reason, message },
    namespace: about?.namespace ?? metadata.namespace ?? "",
    kind: about?.kind ?? "",
    name: about?.name ?? "",
    count: group.reduce((sum, event) => sum + countOf(event), 0),
    firstSeen: firsts.toSorted((one, other) => Date.parse(one) - Date.parse(other))[0],
    lastSeen: lastSeen(last),
    messages: new Set(group.map((event) => event.message)).size,
  };
}

function countOf({ series, count }: Event): number {
  return Math.max(1, series?.count ?? count ?? 1);
}

export function lastSeen({ series, lastTimestamp, eventTime, firstTimestamp, metadata }: Event): string | undefined {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata.creationTimestamp;
}

/** 0 where no time is known: such an event is the oldest. */
export function lastSeenMs(event: Event): number {
  return toDate(lastSeen(event))?.getTime() ?? 0;
}
