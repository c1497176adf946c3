import type { Channel, EventData, StreamFilter, ThreadEvent } from "./protocol.ts";

/** The events of a thread: told to who listens, and kept for who comes later. */
export interface EventLog {
  /** `runId`: undefined where it is of none. */
  readonly add: (data: EventData, seq: number, runId?: string) => void;
  /** What is kept and matches, then what follows. Returns the function that ends it. */
  readonly listen: (filter: StreamFilter, onEvent: (event: ThreadEvent) => void) => () => void;
  readonly forget: (runIds: ReadonlySet<string>) => void;
}

interface Kept {
  readonly event: ThreadEvent;
  readonly runId: string | undefined;
}

export function createEventLog(): EventLog {
  const listeners = new Set<(event: ThreadEvent) => void>();
  let kept: Kept[] = [];
  let count = 0;
  return {
    add: (data, seq, runId) => {
      const event: ThreadEvent = { ...data, type: "event", event_id: `${seq}-${count++}`, seq };
      if (data.method !== "messages") kept = kept.filter((known) => !isSuperseded(known, data));
      kept.push({ event, runId });
      for (const listener of listeners) listener(event);
    },
    listen: (filter, onEvent) => {
      const hear = (event: ThreadEvent): void => void (matches(event, filter) && onEvent(event));
      for (const { event } of kept) hear(event);
      listeners.add(hear);
      return () => void listeners.delete(hear);
    },
    forget: (runIds) => {
      kept = kept.filter(({ runId }) => runId === undefined || !runIds.has(runId));
    },
  };
}

/** A state stands for all before it, and so does what belongs to no run, such as a title. */
function isSuperseded({ event, runId }: Kept, { method }: EventData): boolean {
  return event.method === method && (method === "values" || (method === "custom" && runId === undefined));
}

function matches(event: ThreadEvent, { channels, namespaces, since }: StreamFilter): boolean {
  if (since !== undefined && event.seq <= since) return false;
  // Parley has the root alone.
  if (namespaces !== undefined && namespaces.length > 0 && !namespaces.some((path) => path.length === 0)) return false;
  return channels.includes(channelOf(event)) || (event.method === "custom" && channels.includes("custom"));
}

function channelOf(event: ThreadEvent): Channel {
  if (event.method === "custom") return `custom:${event.params.data.name}`;
  return event.method === "input.requested" || event.method === "input.answered" ? "input" : event.method;
}
