import type { Delivery, TurnQueue, TurnStanding } from "@parley/bus";
import type { TurnId } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import type { EarlyEnds } from "./early-ends.ts";
import { createFairQueue, partyOf, type Party } from "./fair-queue.ts";
import { answersOf, type Answers } from "./parking.ts";

/** A delivery that waits here for a slot: all of it that is kept. Its message is read again when it gets one. */
export interface Queued extends Answers {
  readonly seq: number;
  readonly turn: TurnId;
  readonly party: Party;
  readonly acceptedAt: number;
  /** See `Delivery`: no earlier turn of its conversation is there, nor will there be. */
  readonly isFirst: boolean;
  /** How it stood when it came, where somebody else had it before; undefined: nobody had. Rejects when that could not be seen. */
  readonly standing: Promise<TurnStanding> | undefined;
}

export interface TurnLineDeps {
  readonly turns: Pick<TurnQueue, "standing" | "deliveryState" | "at">;
  readonly earlyEnds: Pick<EarlyEnds, "looksTooOld" | "endTooOld">;
  /** Some were given back, to be had by others: none is to be pulled for so long. */
  readonly onGivenBack: (ms: number) => void;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** How often a worker with turns that wait looks whether another one has a free slot; while one has, more often. */
const lookMs = 500;
const shareMs = 100;
/** Given back in one look: twice as many as in the one before while there is still somebody with a free slot. */
const leastShared = 4;
const mostShared = 64;
/** Ended in one look, without a slot. */
const mostEnded = 16;

function entryOf(delivery: Delivery, standing: Queued["standing"]): Queued {
  const { seq, request, isFirst = false } = delivery;
  const { turn_id: turn, accepted_at: acceptedAt } = request;
  return { seq, turn, party: partyOf(request), acceptedAt, isFirst, standing, ...answersOf(delivery) };
}

export type TurnLine = ReturnType<typeof createTurnLine>;

/**
 * Turns that wait here for a slot, each held at the broker by its heartbeat. Among users they are handed out fairly. Those that somebody had begun (its
 * worker was lost, or a person has decided) take turns with the others: their users look at half an answer.
 */
export function createTurnLine(deps: TurnLineDeps) {
  const { turns, log } = deps;
  const fair = createFairQueue<Queued>();
  /** By their places in the queue. */
  const begun = new Map<number, Queued>();
  const here = new Map<TurnId, Queued>();
  let wasBegun = false;

  const hasten = (entry: Queued): void => {
    if (fair.remove(entry.party, entry.seq) !== undefined) begun.set(entry.seq, entry);
  };
  const watch = async (entry: Queued): Promise<void> => {
    const { kind } = (await entry.standing) ?? { kind: "waits" };
    // A later delivery of the same turn has taken its place.
    if (kind !== "waits" && here.get(entry.turn) === entry) hasten(entry);
  };
  const next = (): Queued | undefined => {
    const [oldest] = begun.values();
    wasBegun = oldest !== undefined && (fair.size() === 0 || !wasBegun);
    const entry = wasBegun ? oldest : fair.next();
    if (entry === undefined) return undefined;
    begun.delete(entry.seq);
    here.delete(entry.turn);
    return entry;
  };
  const line = {
    count: (): number => fair.size() + begun.size,
    users: fair.users,
    has: (turn: TurnId): boolean => here.has(turn),

    /** `isNew`: nobody can have begun it. One that is here already is answered by its newer delivery. */
    enter(delivery: Delivery, isNew = delivery.deliveries === 1): void {
      const entry = entryOf(delivery, isNew ? undefined : turns.standing(delivery));
      const { seq, turn } = entry;
      here.set(turn, entry);
      if (begun.has(seq)) begun.set(seq, entry);
      else fair.enter(entry.party, entry);
      watch(entry).catch((err: unknown) => log.debug({ err, turn_id: turn }, "nobody knows whether a turn has begun"));
    },

    /** How many turns of one user run at the most, if nothing of this one runs or waits; else 0. */
    mostBefore: (party: Party): number => (fair.isNew(party) ? fair.mostRunning() : 0),

    /** Takes the next one out. */
    next,
    /** A turn of theirs runs, until the returned function is called. */
    begin: fair.begin,
    held: (): Iterable<Queued> => [...begun.values(), ...fair.waiting()],

    /** Those that nobody has begun. */
    waiting: fair.waiting,
    /** It goes before those. */
    hasten,

    giveBack(): void {
      for (let entry = next(); entry !== undefined; entry = next()) entry.nak();
    },
  };
  void repeatLooks(line, deps);
  return line;
}

type Line = Pick<TurnLine, "count" | "next" | "waiting" | "hasten">;

/** Ends what has waited too long to begin. */
async function endOld(line: Line, { turns, earlyEnds, signal }: TurnLineDeps): Promise<void> {
  const old = [...line.waiting()].filter(earlyEnds.looksTooOld).slice(0, mostEnded);
  for (const entry of old) {
    const turn = signal.aborted ? undefined : await turns.at(entry.seq);
    // A slot is needed for a moment, to see that it is gone.
    if (turn !== undefined && (await earlyEnds.endTooOld(turn, entry.deliveries > 1))) line.hasten(entry);
  }
}

/**
 * Gives turns back that others have slots for: a worker that has just started, or has come to the end of its own. Without a free slot nobody has a pull at
 * the broker for long, so one that waits there is somebody's slot.
 */
async function repeatLooks(line: Line, deps: TurnLineDeps): Promise<void> {
  const { turns, onGivenBack, signal, log } = deps;
  let most = leastShared;
  const look = async (): Promise<number> => {
    await endOld(line, deps);
    const { pullsWait } = await turns.deliveryState();
    if (signal.aborted || !pullsWait) {
      most = leastShared;
      return lookMs;
    }
    onGivenBack(2 * shareMs);
    // The rest is for the slots that become free here meanwhile.
    for (let left = Math.min(most, Math.ceil(line.count() / 2)); left > 0; left--) line.next()?.nak();
    most = Math.min(mostShared, most * 2);
    return shareMs;
  };
  for (let waitMs = lookMs; !signal.aborted;) {
    await sleep(waitMs, signal);
    waitMs = lookMs;
    if (signal.aborted || line.count() === 0) continue;
    waitMs = await look().catch((err: unknown) => {
      log.debug({ err }, "the queue could not be looked at");
      return lookMs;
    });
  }
}
