import type { Bus, OwnedConversation } from "@parley/bus";
import {
  keptMs,
  type ConversationId,
  type HoldRecord,
  type Retention,
  type SweepCounts,
  type SweepRecord,
} from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";

export interface SweepDeps {
  readonly bus: Pick<Bus, "clock" | "conversations" | "people" | "privacy" | "turns">;
  /** Deletes the whole of one, unless something happened in it since then or runs in it. Returns whether it did. */
  readonly deleteIfOld: (conversation: ConversationId, whose: Whose) => Promise<boolean>;
  readonly retention: () => Retention;
  readonly log: Logger;
}

export interface Whose {
  readonly user: string;
  readonly tenant: string | undefined;
  /** ms since 1970. */
  readonly notSinceMs: number;
}

/** What it was decided by. */
interface Looked extends Found {
  /** Whoever has a part in it. */
  readonly users: readonly string[];
  /** By the broker's clock. */
  readonly nowMs: number;
}

/** What the sweep would do with a conversation. */
export interface Found {
  readonly conversation: ConversationId;
  readonly tenant: string | undefined;
  readonly idleMs: number;
  readonly verdict: "keep" | "held" | "remove";
}

export type Sweep = ReturnType<typeof createSweep>;

const noCounts: SweepCounts = { looked: 0, removed: 0, held: 0, busy: 0 };
/** After so many its place is stored: another process looks at no more of them once more. */
const storeEvery = 50;
/** Then whoever asked to be forgotten meanwhile has their turn: a round may take hours. */
const goesOnMs = 5_000;

/** Deletes conversations in which nothing has happened for as long as their tenant keeps them. In rounds, from owner to owner through the log; where it is, is stored. */
export function createSweep(deps: SweepDeps) {
  const { bus, retention } = deps;
  const look = createLook(deps);
  const sinceMs = Date.now();
  let endedMs: number | undefined;

  return {
    /** How long ago the last whole round has ended, as far as the process with the work knows, ms; 0: nothing is to be swept. */
    behindMs: (): number => (isWanted(retention()) ? Date.now() - (endedMs ?? sinceMs) : 0),

    /** Goes on with the round that is due, until it is over, `signal` is aborted, or some seconds have gone by. */
    async step(signal: AbortSignal): Promise<void> {
      if (!isWanted(retention())) return;
      const place = await bus.privacy.sweepPlace();
      endedMs = place?.last?.ended_at;
      const restMs = retention().sweep_every_s * 1_000;
      if (place !== undefined && isResting(place) && Date.now() - (place.last?.ended_at ?? 0) < restMs) return;
      await goThrough(deps, look, signal);
    },

    /** What it would do, from there on: nothing is changed. `next`: where the following page begins; undefined: that was all. */
    async dryRun(from: Place, limit: number): Promise<{ readonly found: Found[]; readonly next: Place | undefined }> {
      const holds = await bus.privacy.holds();
      const found: Found[] = [];
      let place: Place | undefined = from;
      while (place !== undefined && found.length < limit) {
        const candidate: OwnedConversation | undefined = await bus.conversations.ownerAfter(place);
        if (candidate === undefined) return { found, next: undefined };
        const { users: _users, nowMs: _nowMs, ...one } = await look(candidate, holds);
        found.push(one);
        place = { shard: candidate.shard, seq: candidate.seq };
      }
      return { found, next: place };
    },

    state: bus.privacy.sweepPlace,
  };
}

export interface Place {
  readonly shard: number;
  readonly seq: number;
}

function isWanted({ conversation_days, tenants }: Retention): boolean {
  return conversation_days !== null || Object.values(tenants).some((one) => one.conversation_days !== null);
}

function isResting({ shard, seq, last }: Place & { readonly last?: unknown }): boolean {
  return shard === 0 && seq === 0 && last !== undefined;
}

type Look = ReturnType<typeof createLook>;

function createLook({ bus, retention }: SweepDeps) {
  return async ({ conversation, owner }: OwnedConversation, holds: readonly HoldRecord[]): Promise<Looked> => {
    const { tenant } = owner;
    const mostMs = keptMs(retention(), tenant);
    const updatedMs = await bus.conversations.updatedAt(conversation);
    // By the broker's clock, as what is stored: an edge whose own one is ahead would delete what is new.
    const nowMs = await bus.clock.nowMs();
    const idleMs = nowMs - (updatedMs ?? nowMs);
    const common = { conversation, tenant, users: [owner.userId], nowMs, idleMs };
    // Without a record it has not got its first answer yet, or was deleted: whose it was stays.
    if (mostMs === undefined || updatedMs === undefined || idleMs < mostMs) return { ...common, verdict: "keep" };
    const people = (await bus.people.of(conversation))?.people;
    const users = people === undefined ? [owner.userId] : [people.owner.id, ...people.members.map(({ id }) => id)];
    const isHeld = holds.some(
      ({ on }) =>
        (on.kind === "tenant" && on.id === tenant) ||
        (on.kind === "conversation" && on.id === conversation) ||
        (on.kind === "user" && users.includes(on.id)),
    );
    return { ...common, users, verdict: isHeld ? "held" : "remove" };
  };
}

/** Where a round goes on, or a new one begins. */
function beginningOf(before: SweepRecord | undefined) {
  const place: Place = { shard: before?.shard ?? 0, seq: before?.seq ?? 0 };
  if (before === undefined || (place.shard === 0 && place.seq === 0))
    return { place, began_at: Date.now(), counts: noCounts };
  return { place, began_at: before.began_at, counts: before.counts };
}

async function goThrough(deps: SweepDeps, look: Look, signal: AbortSignal): Promise<void> {
  const { bus, retention, log } = deps;
  const before = await bus.privacy.sweepPlace();
  const { began_at, ...begun } = beginningOf(before);
  let { place, counts } = begun;
  const store = async (isOver: boolean): Promise<void> => {
    const ts = Date.now();
    await bus.privacy.changeSweep((last) => {
      const common = { v: 1, kind: "sweep" as const, ts };
      if (!isOver) return { ...common, began_at, ...place, counts, ...(last?.last && { last: last.last }) };
      return { ...common, began_at: ts, shard: 0, seq: 0, counts: noCounts, last: { began_at, ended_at: ts, counts } };
    });
  };
  let holds = await bus.privacy.holds();
  const untilMs = performance.now() + goesOnMs;
  for (let n = 1; !signal.aborted && performance.now() < untilMs; n++) {
    const candidate = await bus.conversations.ownerAfter(place);
    if (candidate === undefined) return store(true);
    place = { shard: candidate.shard, seq: candidate.seq };
    counts = await handle(deps, look, { candidate, holds, counts });
    if (n % storeEvery === 0) {
      await store(false);
      holds = await bus.privacy.holds();
    }
    await sleep(1_000 / retention().sweep_per_second, signal);
  }
  await store(false).catch((err: unknown) => log.debug({ err }, "the place of the sweep could not be stored"));
}

interface Handling {
  readonly candidate: OwnedConversation;
  readonly holds: readonly HoldRecord[];
  readonly counts: SweepCounts;
}

async function handle(deps: SweepDeps, look: Look, { candidate, holds, counts }: Handling): Promise<SweepCounts> {
  const { bus, deleteIfOld, retention, log } = deps;
  const { conversation, owner } = candidate;
  const looked = { ...counts, looked: counts.looked + 1 };
  try {
    const { verdict, users, nowMs } = await look(candidate, holds);
    if (verdict === "keep") return looked;
    // What was held since the list was read.
    const { tenant, userId: user } = owner;
    const isHeld = verdict === "held" || (await bus.privacy.heldBy({ tenant, users, conversation })) !== undefined;
    if (isHeld) return { ...looked, held: looked.held + 1 };
    const notSinceMs = nowMs - (keptMs(retention(), tenant) ?? Infinity);
    const isRemoved = await deleteIfOld(conversation, { user, tenant, notSinceMs });
    return isRemoved ? { ...looked, removed: looked.removed + 1 } : { ...looked, busy: looked.busy + 1 };
  } catch (err) {
    log.warn(
      { err, conversation },
      "an old conversation could not be looked at or removed: the next round tries again",
    );
    return { ...looked, busy: looked.busy + 1 };
  }
}
