import type { Bus } from "@parley/bus";
import { parseEventSubject, subjects, type TurnId } from "@parley/protocol";
import type { Hub } from "./hub.ts";
import type { Known } from "./ring.ts";
import { visibleEventOf, type VisibleEvent } from "./visible-event.ts";

export type HistoryDeps = Pick<Bus, "events" | "turns">;

export type History = ReturnType<typeof createHistory>;

/** The ring moves on while the stream is read; each time only the little that left it meanwhile is read as well. */
const readTries = 5;

/** Reads what hubs do not have any more, or never had. Readers of the same hub share a read where it covers what they need. */
export function createHistory({ events, turns }: HistoryDeps) {
  const readRange = async (hub: Hub, fromSeq: number, toSeq: number): Promise<VisibleEvent[]> => {
    const messages = await events.read(hub.conversation, { fromSeq, toSeq });
    return messages.flatMap((message) => {
      const turn = parseEventSubject(message.subject)?.turn ?? "";
      return visibleEventOf(message, turn, hub.offset) ?? [];
    });
  };

  /** Everything visible from `fromSeq` on: what was read, then the ring. */
  const readDown = async (hub: Hub, fromSeq: number, isRoot: boolean): Promise<Known> => {
    const { generation, ring } = hub;
    const history: VisibleEvent[] = [];
    let next = fromSeq;
    for (let tries = 0; next <= ring.floor; tries++) {
      if (tries === readTries) throw new Error("the conversation moves faster than it can be read");
      const { floor } = ring;
      history.push(...(await readRange(hub, next, floor)));
      if (hub.generation !== generation) throw new Error("the event stream was made anew meanwhile");
      next = floor + 1;
    }
    const all = [...history, ...ring.events];
    ring.extendDown(fromSeq, history, isRoot);
    return { floor: fromSeq - 1, events: all, base: new Map(), rooted: isRoot, quiet: undefined };
  };

  const reading = new Map<Hub, { fromSeq: number; known: Promise<Known> }>();

  const from = async (hub: Hub, fromSeq: number, isRoot = false): Promise<Known> => {
    const running = reading.get(hub);
    if (running !== undefined && running.fromSeq <= fromSeq && !isRoot) return running.known;
    const known = readDown(hub, fromSeq, isRoot);
    const entry = { fromSeq, known };
    reading.set(hub, entry);
    try {
      return await known;
    } finally {
      if (reading.get(hub) === entry) reading.delete(hub);
    }
  };

  const startOf = async (hub: Hub, turn: TurnId): Promise<number | undefined> =>
    (await events.last(subjects.user(hub.shard, hub.conversation, turn)))?.seq;

  return {
    /** Everything visible from this sequence on. */
    from,

    /** The sequence of a turn's first event; undefined when it is no longer kept. */
    startOf,

    /**
     * Whether there is nothing between the cursor and the ring: the usual case for who comes back to a quiet conversation, at a hundredth
     * of the price of reading.
     */
    async isQuietSince(hub: Hub, cursor: number): Promise<boolean> {
      const { generation, ring } = hub;
      const { floor } = ring;
      const newest = await events.lastFromLeader(subjects.eventsOf(hub.shard, hub.conversation));
      if (hub.generation !== generation || ring.floor !== floor || (newest?.seq ?? 0) > cursor) return false;
      ring.lowerFloor(cursor);
      return true;
    },

    /** Makes the hub know all turns that are open now, from their beginning. */
    async root(hub: Hub): Promise<void> {
      if (hub.ring.rooted) return;
      const queued = await turns.waiting(hub.conversation);
      const starts = await Promise.all(queued.map(({ request }) => startOf(hub, request.turn_id)));
      const first = Math.min(hub.ring.floor + 1, ...starts.filter((seq) => seq !== undefined));
      await from(hub, first, true);
    },
  };
}
