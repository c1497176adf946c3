import type { Bus } from "@parley/bus";
import { isTerminal, parseEventSubject, subjects, type TurnId } from "@parley/protocol";
import { confirmFeed } from "./feed.ts";
import type { Hub } from "./hub.ts";
import { extendDown, lowerFloor, type Known } from "./ring.ts";
import { visibleEventOf, type VisibleEvent } from "./visible-event.ts";

export type HistoryDeps = Pick<Bus, "events" | "turns">;

export type History = ReturnType<typeof createHistory>;

/** The ring moves on while the stream is read; each time only the little that left it meanwhile is read as well. */
const readTries = 5;

export interface Queued {
  /** Sequences of the turns' first events. */
  readonly starts: readonly number[];
  /** Turns that had not ended and whose first event is not stored yet, or not kept any more: they ran for longer than events are kept. */
  readonly startless: ReadonlySet<TurnId>;
}

interface Reading {
  readonly fromSeq: number;
  readonly isRoot: boolean;
  readonly known: Promise<Known>;
}

/**
 * Reads what hubs do not have any more, or never had. One read at a time per hub: two side by side would both put the same events below the
 * ring. Who needs what is being read shares it; who needs more waits, and reads the rest.
 */
export function createHistory(deps: HistoryDeps) {
  const readings = new Map<Hub, Reading>();

  const from = async (hub: Hub, fromSeq: number, isRoot = false): Promise<Known> => {
    for (let running = readings.get(hub); running !== undefined; running = readings.get(hub)) {
      if (running.fromSeq <= fromSeq && (running.isRoot || !isRoot)) return running.known;
      // Its failure is its caller's; this one tries for itself.
      await running.known.catch(() => undefined);
    }
    const reading = { fromSeq, isRoot, known: readDown(deps, hub, fromSeq, isRoot) };
    readings.set(hub, reading);
    try {
      return await reading.known;
    } finally {
      readings.delete(hub);
    }
  };

  return {
    /** Everything visible from this sequence on. */
    from: (hub: Hub, fromSeq: number): Promise<Known> => from(hub, fromSeq),

    /** The sequence of a turn's first event; undefined when it is no longer kept. */
    startOf: (hub: Hub, turn: TurnId): Promise<number | undefined> => startOf(deps, hub, turn),

    /** Makes sure that the hub has whatever is stored by now: the copies may be behind. See `confirmFeed`. */
    confirm: createConfirmation(deps),

    /** Whether there is nothing between the cursor and the ring. */
    isQuietSince: (hub: Hub, cursor: number): Promise<boolean> => isQuietSince(deps, hub, cursor),

    /** What waits in the queue now: of all turns that began before, those that are open are among them. */
    queued: (hub: Hub): Promise<Queued> => queued(deps, hub),

    /**
     * Makes the hub know all turns that were queued then and are open, from their beginning. Returns everything visible from there on, or from
     * `fromSeq` if that is lower.
     */
    root: (hub: Hub, { starts }: Queued, fromSeq = Infinity): Promise<Known> =>
      from(hub, Math.min(hub.ring.floor + 1, fromSeq, ...starts), true),
  };
}

/**
 * Once at a time for each hub. Who comes while one is under way shares the next: that one may have asked for the stream's end too early.
 */
function createConfirmation({ events }: Pick<HistoryDeps, "events">) {
  const running = new Map<Hub, Promise<unknown>>();
  const next = new Map<Hub, Promise<boolean>>();

  const confirm = async (hub: Hub, before: Promise<unknown> | undefined): Promise<boolean> => {
    await before;
    const confirmed = events.state(hub.shard).then((stream) => confirmFeed(hub.feed, stream));
    const over = confirmed.catch(() => undefined);
    next.delete(hub);
    running.set(hub, over);
    void over.then(() => running.get(hub) === over && running.delete(hub));
    return confirmed;
  };
  return (hub: Hub): Promise<boolean> => {
    const shared = next.get(hub);
    if (shared !== undefined) return shared;
    const confirmed = confirm(hub, running.get(hub));
    next.set(hub, confirmed);
    return confirmed;
  };
}

async function queued(deps: HistoryDeps, hub: Hub): Promise<Queued> {
  const turns = (await deps.turns.waiting(hub.conversation)).map(({ request }) => request.turn_id);
  const starts = await Promise.all(turns.map((turn) => startOf(deps, hub, turn)));
  const startless = turns.filter((_, i) => starts[i] === undefined);
  const ended = await Promise.all(startless.map((turn) => hasEnded(deps, hub, turn)));
  return {
    starts: starts.filter((seq) => seq !== undefined),
    startless: new Set(startless.filter((_, i) => ended[i] !== true)),
  };
}

async function hasEnded({ events }: HistoryDeps, hub: Hub, turn: TurnId): Promise<boolean> {
  const newest = await events.last(subjects.agent(hub.shard, hub.conversation, turn));
  return newest !== undefined && isTerminal(newest.event.type);
}

async function startOf({ events }: HistoryDeps, hub: Hub, turn: TurnId): Promise<number | undefined> {
  return (await events.last(subjects.user(hub.shard, hub.conversation, turn)))?.seq;
}

/** The usual case for who comes back to a quiet conversation, at a hundredth of the price of reading. */
async function isQuietSince(
  { events }: HistoryDeps,
  { ring, shard, conversation }: Hub,
  cursor: number,
): Promise<boolean> {
  const { floor } = ring;
  if ((await events.mayHaveAfter(shard, conversation, cursor)) || ring.floor !== floor) return false;
  lowerFloor(ring, cursor);
  return true;
}

/** Everything visible from `fromSeq` on: what is read, then the ring, which takes in what it has room for. */
async function readDown(deps: HistoryDeps, hub: Hub, fromSeq: number, isRoot: boolean): Promise<Known> {
  const { ring } = hub;
  const events: VisibleEvent[] = [];
  let next = fromSeq;
  for (let tries = 0; next <= ring.floor; tries++) {
    if (tries === readTries) throw new Error("the conversation moves faster than it can be read");
    const { floor } = ring;
    events.push(...(await readRange(deps, hub, next, floor)));
    if (hub.ring !== ring) throw new Error("the conversation began anew meanwhile");
    next = floor + 1;
  }
  const all = [...events, ...ring.events];
  extendDown(ring, hub.deps.limits, { fromSeq, events, isRoot });
  return { floor: fromSeq - 1, events: all, base: new Map(), rooted: isRoot, quiet: undefined, title: undefined };
}

async function readRange({ events }: HistoryDeps, hub: Hub, fromSeq: number, toSeq: number): Promise<VisibleEvent[]> {
  const messages = await events.read(hub.conversation, { fromSeq, toSeq });
  return messages.flatMap((message) => {
    const turn = parseEventSubject(message.subject)?.turn ?? "";
    return visibleEventOf(message, turn, hub.offset) ?? [];
  });
}
