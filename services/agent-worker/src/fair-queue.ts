import type { TurnRequest } from "@parley/protocol";

/** Whose turn it is. `tenant` undefined: of none. */
export interface Party {
  readonly user: string;
  readonly tenant: string | undefined;
}

export function partyOf({ user, caller }: Pick<TurnRequest, "user" | "caller">): Party {
  return { user: user.id, tenant: caller?.tenant };
}

/** The turns of one user: those that wait, in the order in which they came, and how many run. */
interface Lane<Entry> {
  readonly key: string;
  readonly tenant: string | undefined;
  readonly waiting: Map<number, Entry>;
  running: number;
}

/** Of users with equally few running turns so many are compared by their tenants: whoever has waited longest is always among them. */
const mostCompared = 64;

/** A blank is in no tenant's name, and a user's own name may hold one. */
function keyOf({ user, tenant = "" }: Party): string {
  return `${tenant} ${user}`;
}

/** Users that wait, by how many turns of theirs run; who came to a number first is the first there. */
function createLevels<Entry>() {
  const levels = new Map<number, Set<Lane<Entry>>>();
  return {
    add(lane: Lane<Entry>): void {
      if (lane.waiting.size === 0) return;
      const level = levels.get(lane.running);
      if (level === undefined) levels.set(lane.running, new Set([lane]));
      else level.add(lane);
    },
    remove(lane: Lane<Entry>): void {
      const level = levels.get(lane.running);
      level?.delete(lane);
      if (level?.size === 0) levels.delete(lane.running);
    },
    /** How many users wait. */
    size: (): number => [...levels.values()].reduce((sum, { size }) => sum + size, 0),
    lowest: (): Iterable<Lane<Entry>> => (levels.size === 0 ? [] : (levels.get(Math.min(...levels.keys())) ?? [])),
  };
}

/** What runs, by user and by tenant. */
function createRunningCounts() {
  const ofTenant = new Map<string, number>();
  /** How many users have so many turns running. */
  const users = new Map<number, number>();

  const add = <Key>(counts: Map<Key, number>, key: Key, by: number): void => {
    const count = (counts.get(key) ?? 0) + by;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
  };

  return {
    add<Entry>(lane: Lane<Entry>, by: number): void {
      if (lane.running > 0) add(users, lane.running, -1);
      lane.running += by;
      if (lane.running > 0) add(users, lane.running, 1);
      if (lane.tenant !== undefined) add(ofTenant, lane.tenant, by);
    },
    /** A user without a tenant is one by themselves. */
    around: <Entry>({ tenant, running }: Lane<Entry>): number =>
      tenant === undefined ? running : (ofTenant.get(tenant) ?? 0),
    most: (): number => Math.max(0, ...users.keys()),
  };
}

/** All users of whom something waits or runs. */
function createLanes<Entry>() {
  const lanes = new Map<string, Lane<Entry>>();
  const levels = createLevels<Entry>();
  return {
    find: (party: Party): Lane<Entry> | undefined => lanes.get(keyOf(party)),
    all: (): Iterable<Lane<Entry>> => lanes.values(),
    waiting: levels.size,
    lowest: levels.lowest,
    of(party: Party): Lane<Entry> {
      const key = keyOf(party);
      const known = lanes.get(key);
      if (known !== undefined) return known;
      const lane = { key, tenant: party.tenant, waiting: new Map<number, Entry>(), running: 0 };
      lanes.set(key, lane);
      return lane;
    },
    /** Does what changes how many run, or whether any wait. */
    change(lane: Lane<Entry>, act: () => void): void {
      levels.remove(lane);
      act();
      levels.add(lane);
      if (lane.waiting.size === 0 && lane.running === 0) lanes.delete(lane.key);
    },
  };
}

function leastOf<Item>(items: Iterable<Item>, sizeOf: (item: Item) => number): Item | undefined {
  let least: Item | undefined;
  let compared = 0;
  for (const item of items) {
    if (least === undefined || sizeOf(item) < sizeOf(least)) least = item;
    if (++compared === mostCompared) break;
  }
  return least;
}

/**
 * What waits for a free place, handed out fairly: the next one is of the user of whom the fewest run, of these of the tenant of which the fewest run. So
 * nobody is held back while nobody else waits, and whoever comes while one user has all places gets the next one that is free. Pure.
 */
export function createFairQueue<Entry extends { readonly seq: number }>() {
  const lanes = createLanes<Entry>();
  const running = createRunningCounts();
  let size = 0;

  const takeFrom = (lane: Lane<Entry>, { seq }: Entry): void => {
    // A lane keeps its place among those with as many running turns until one of its own begins.
    if (lane.waiting.size > 1) lane.waiting.delete(seq);
    else lanes.change(lane, () => lane.waiting.delete(seq));
    size--;
  };

  return {
    size: (): number => size,
    /** How many users wait. */
    users: lanes.waiting,
    *waiting(): Generator<Entry> {
      for (const { waiting } of lanes.all()) yield* waiting.values();
    },

    /** One of the same sequence takes the place of what was there. */
    enter(party: Party, entry: Entry): void {
      const lane = lanes.of(party);
      if (!lane.waiting.has(entry.seq)) size++;
      if (lane.waiting.size > 0) lane.waiting.set(entry.seq, entry);
      else lanes.change(lane, () => lane.waiting.set(entry.seq, entry));
    },

    /** Whether nothing of theirs runs or waits. */
    isNew: (party: Party): boolean => lanes.find(party) === undefined,
    /** Of the user of whom the most run. */
    mostRunning: running.most,

    /** Takes the next one out. */
    next(): Entry | undefined {
      const lane = leastOf(lanes.lowest(), running.around);
      const [entry] = lane?.waiting.values() ?? [];
      if (lane !== undefined && entry !== undefined) takeFrom(lane, entry);
      return entry;
    },

    /** Takes out one that shall not wait in this order. */
    remove(party: Party, seq: number): Entry | undefined {
      const lane = lanes.find(party);
      const entry = lane?.waiting.get(seq);
      if (lane !== undefined && entry !== undefined) takeFrom(lane, entry);
      return entry;
    },

    /** A turn of theirs runs, until the returned function is called. */
    begin(party: Party): () => void {
      const lane = lanes.of(party);
      const add = (by: number): void => lanes.change(lane, () => running.add(lane, by));
      add(1);
      return () => add(-1);
    },
  };
}
