import type { Bus, QueuedTurn } from "@parley/bus";
import type { VisibleEvent } from "@parley/dialects";
import { parseEventSubject, subjects, type TurnId } from "@parley/protocol";
import { confirmFeed } from "./feed.ts";
import type { Hub } from "./hub.ts";
import { extendDown, lowerFloor, type Known, type OpenTurns, type Ring } from "./ring.ts";
import { visibleEventOf } from "./visible-event.ts";
import { readWaiting, type Settling } from "./waiting-turns.ts";

export type HistoryDeps = Pick<Bus, "events" | "facts" | "turns">;

export type History = ReturnType<typeof createHistory>;

/** The ring moves on while the stream is read; each time only the little that left it meanwhile is read as well. */
const readTries = 5;

export interface Queued {
  /** Sequences of the turns' first events: their messages. */
  readonly starts: readonly number[];
  /** Where the chains of settled turns go on. */
  readonly goOn: readonly number[];
  /** Turns that had not ended and whose first event is not stored yet, or not kept any more: they ran for longer than events are kept. */
  readonly startless: ReadonlySet<TurnId>;
  /** Turns that waited for so long, as what decides tells them. */
  readonly settled: OpenTurns;
  /** Of the ring of that time, what is above its floor goes on from these. */
  readonly ring: Ring;
  readonly floor: number;
}

const noneSettled: OpenTurns = new Map();

interface Range {
  readonly fromSeq: number;
  /** It makes the hub know these, and all turns that began in it. */
  readonly root?: Queued;
}

interface Reading extends Range {
  readonly known: Promise<Known>;
}

/** Whether what one of them reads is all that the other needs. */
function covers(one: Range, other: Range): boolean {
  if (one.fromSeq > other.fromSeq) return false;
  if (other.root === undefined) return true;
  const { root } = one;
  if (root === undefined || !other.root.starts.every((start) => root.starts.includes(start))) return false;
  return [...other.root.settled.keys()].every((turn) => root.settled.has(turn));
}

/**
 * Reads what hubs do not have any more, or never had. One read at a time per hub: two side by side would both put the same events below the
 * ring. Who needs what is being read shares it; who needs more waits, and reads the rest.
 */
export function createHistory(deps: HistoryDeps) {
  const readings = new Map<Hub, Reading>();

  const from = async (hub: Hub, range: Range): Promise<Known> => {
    for (let running = readings.get(hub); running !== undefined; running = readings.get(hub)) {
      if (covers(running, range)) return running.known;
      // Its failure is its caller's; this one tries for itself.
      await running.known.catch(() => undefined);
    }
    const reading = { ...range, known: readDown(deps, hub, range) };
    readings.set(hub, reading);
    try {
      return await reading.known;
    } finally {
      readings.delete(hub);
    }
  };

  return {
    /** Everything visible from this sequence on. */
    from: (hub: Hub, fromSeq: number): Promise<Known> => from(hub, { fromSeq }),

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
    root(hub: Hub, root: Queued, fromSeq = Infinity): Promise<Known> {
      const { starts, goOn, settled, floor } = root;
      // What came since they were read, and may have left the ring.
      const since = settled.size === 0 ? Infinity : floor + 1;
      return from(hub, { fromSeq: Math.min(hub.ring.floor + 1, fromSeq, since, ...starts, ...goOn), root });
    },
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
  const { ring } = hub;
  const { floor } = ring;
  const turns = await deps.turns.waiting(hub.conversation);
  const starts = await Promise.all(turns.map(({ request }) => placeOfStart(deps, hub, request.turn_id)));
  const without = turns.filter((_, i) => starts[i] === undefined);
  const ended = await Promise.all(without.map((turn) => deps.turns.hasEnded(turn)));
  const startless = without.filter((_, i) => ended[i] !== true);
  // Also of one that has a start: who goes on with a turn whose message was forgotten, or sends that again, writes it again.
  const { lateMessageMs } = hub.deps.limits;
  const late = turns.filter(({ storedMs }, i) => (starts[i]?.storedMs ?? 0) - storedMs > lateMessageMs);
  // The message of one that is younger than the oldest event was not forgotten: it is on its way, and comes live.
  const { firstMs } = startless.length === 0 ? { firstMs: 0 } : await deps.events.state(hub.shard);
  const isBehind = (turn: QueuedTurn): boolean =>
    turn !== turns[0] && turn.storedMs < firstMs && startless.includes(turn);
  const settling = new Map<TurnId, Settling>();
  for (const turn of [...startless, ...late]) {
    const made = await readWaiting(deps, turn, isBehind(turn));
    if (made !== undefined) settling.set(turn.request.turn_id, made);
  }
  return {
    starts: starts.flatMap((place) => place?.seq ?? []),
    goOn: [...settling.values()].flatMap(({ from }) => from ?? []),
    startless: new Set(startless.map(({ request }) => request.turn_id)),
    settled: new Map([...settling].map(([turn, { open }]) => [turn, open])),
    ring,
    floor,
  };
}

async function startOf(deps: HistoryDeps, hub: Hub, turn: TurnId): Promise<number | undefined> {
  return (await placeOfStart(deps, hub, turn))?.seq;
}

function placeOfStart({ events }: HistoryDeps, { shard, conversation }: Hub, turn: TurnId) {
  return events.placeOfLast(subjects.user(shard, conversation, turn));
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
async function readDown(deps: HistoryDeps, hub: Hub, { fromSeq, root }: Range): Promise<Known> {
  const { ring } = hub;
  const settled = root?.settled ?? noneSettled;
  if (root !== undefined && settled.size > 0 && root.ring !== ring) throw begunAnew();
  const events: VisibleEvent[] = [];
  let next = fromSeq;
  for (let tries = 0; next <= ring.floor; tries++) {
    if (tries === readTries) throw new Error("the conversation moves faster than it can be read");
    const { floor } = ring;
    events.push(...(await readRange(deps, hub, next, floor)));
    if (hub.ring !== ring) throw begunAnew();
    next = floor + 1;
  }
  const all = [...events, ...ring.events];
  const lost = root === undefined ? [] : lostStarts(root, all);
  if (root !== undefined && lost.length > 0) return readWithout(deps, hub, { fromSeq, root }, lost);
  const isRoot = root !== undefined;
  extendDown(ring, hub.deps.limits, { fromSeq, events, isRoot, settled });
  const base = new Map([...ring.settled, ...settled]);
  return { floor: fromSeq - 1, events: all, base, rooted: isRoot, quiet: undefined, title: undefined };
}

function lostStarts({ starts }: Queued, events: readonly VisibleEvent[]): number[] {
  const read = new Set(events.map(({ seq }) => seq));
  return starts.filter((start) => !read.has(start));
}

/**
 * Turns whose message stood in the stream when the queue was read, and was not among what was read then. The stream forgot them in between, and a hub that took
 * the rest for all there is would show a conversation without the turn that waits in it: what is queued is to be looked up again. What is there and cannot be
 * shown is nothing to wait for.
 */
async function readWithout(
  deps: HistoryDeps,
  hub: Hub,
  { fromSeq, root }: Range & { readonly root: Queued },
  lost: readonly number[],
): Promise<Known> {
  const areKept = await Promise.all(lost.map((seq) => deps.events.isStored(hub.shard, seq)));
  if (!areKept.every(Boolean)) throw new Error("events of the conversation were forgotten while it was read");
  const starts = root.starts.filter((start) => !lost.includes(start));
  return readDown(deps, hub, { fromSeq, root: { ...root, starts } });
}

function begunAnew(): Error {
  return new Error("the conversation began anew meanwhile");
}

async function readRange({ events }: HistoryDeps, hub: Hub, fromSeq: number, toSeq: number): Promise<VisibleEvent[]> {
  const messages = await events.read(hub.conversation, { fromSeq, toSeq });
  return messages.flatMap((message) => {
    const turn = parseEventSubject(message.subject)?.turn ?? "";
    return visibleEventOf(message, turn, hub.offset) ?? [];
  });
}
