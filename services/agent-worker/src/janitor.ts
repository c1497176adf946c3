import type { Bus, DeliveryState, QueuedTurn, TurnStanding } from "@parley/bus";
import { sleep, type Logger } from "@parley/runtime";
import { readTurn } from "./claim.ts";
import type { EarlyEnds } from "./early-ends.ts";
import type { QueueAge } from "./queue-age.ts";
import type { Slots } from "./slots.ts";
import type { Waits } from "./waits.ts";
import { withoutDelivery } from "./runnable-turn.ts";
import type { TurnRunner } from "./turn-runner.ts";

/**
 * `left behind`: the turn had ended, but its worker died before it told the queue, or the broker forgot (seen with 2.9.10 after a kill).
 * `orphaned`: not ended, and the broker will never deliver it again. `unqueued`: it runs here, but the queue has lost it. `not woken`: it waited for
 * a person, who had decided, or for longer than it may, and nobody had brought it back.
 */
export type JanitorFinding = "left behind" | "orphaned" | "unqueued" | "not woken";

export interface JanitorDeps {
  readonly bus: Bus;
  readonly runner: TurnRunner;
  readonly slots: Slots;
  readonly age: QueueAge;
  readonly earlyEnds: Pick<EarlyEnds, "endTooOld">;
  readonly waits: Pick<Waits, "find" | "look" | "wakeBehind">;
  readonly everyMs: number;
  readonly ackWaitMs: number;
  /** No turn runs longer. */
  readonly turnMs: number;
  readonly onFinding: (finding: JanitorFinding) => void;
  readonly log: Logger;
}

/** One sweep looks at this many turns at the most, and at those that were suspicious; the next one goes on behind them, as the oldest may all wait. */
const sweepLimit = 1_000;
/** A worker that lives says at once that it runs a turn. */
const answerMs = 1_000;
/** Longer than a pull of one turn waits at the broker. */
const slotMs = 5_000;

/** Whoever heard of the decision had its time to bring the turn back. */
const overdueMs = 10_000;
const looksAtOnce = 16;

interface FoundTurn {
  readonly turn: QueuedTurn;
  readonly standing: TurnStanding;
}

/** A turn that nobody seems to have. */
interface Suspect {
  readonly sinceMs: number;
  /** Of its chain's last event; 0: it has none. */
  readonly lastSeq: number;
  /** Times that no worker said that it has it. */
  readonly unanswered: number;
}

/** One answer may come late. */
const mostUnanswered = 2;

/**
 * Whether a turn is without a worker. The broker redelivers what it has not settled, so that is taken from it only on proof: its worker answers
 * when it is asked (older ones do not, nor those that may not talk), and did not; or it is silent for longer than a turn may take.
 */
function createOrphanCheck({ bus, turnMs }: JanitorDeps) {
  const answersOfWorker = async (turn: QueuedTurn, { lastSeq }: Suspect): Promise<boolean> =>
    lastSeq === 0 || (await readTurn(turn.request, bus, { seenSeq: lastSeq })).answers;

  return async (turn: QueuedTurn, suspect: Suspect, isSettled: boolean): Promise<"runs" | "orphaned" | "unknown"> => {
    const answer = await bus.agents.isRunning(turn.request.turn_id, answerMs);
    if (answer === "yes") return "runs";
    if (isSettled || performance.now() - suspect.sinceMs > turnMs) return "orphaned";
    return answer === "no" && (await answersOfWorker(turn, suspect)) ? "orphaned" : "unknown";
  };
}

/**
 * Orphans: first in their conversation, not ended, and the broker will not deliver them. A turn is taken only when, for as long as silence costs
 * a worker its turns, no worker said that it has it and nothing was added to its chain, and it is claimed only if that still holds. So a
 * turn is never taken from a live writer that can be asked, however slow its model is.
 */
function createOrphans(deps: JanitorDeps, signal: AbortSignal) {
  const { bus, runner, slots, ackWaitMs, onFinding, log } = deps;
  const check = createOrphanCheck(deps);
  /** By sequence in the queue. */
  let suspects = new Map<number, Suspect>();
  /** Those that wait for a slot here. */
  const underWay = new Set<number>();

  const takeOver = async (turn: QueuedTurn, lastSeq: number): Promise<void> => {
    if (underWay.has(turn.seq)) return;
    underWay.add(turn.seq);
    // A pull may hold the last free one. Without one there will be another sweep, here or elsewhere.
    const isTaken = await slots.take(AbortSignal.any([signal, AbortSignal.timeout(slotMs)]));
    underWay.delete(turn.seq);
    if (!isTaken) return;
    onFinding("orphaned");
    const { turn_id, conversation_id } = turn.request;
    log.warn({ turn_id, conversation_id }, "a turn that the broker forgot is run");
    await slots.occupy(() => runner.run(withoutDelivery(turn, bus, lastSeq)));
  };

  /** How long nobody may have it before it is taken; undefined: the broker will deliver it yet. */
  const patienceMs = ({ seq }: QueuedTurn, { settledUpTo, deliveredUpTo, pullsWait }: DeliveryState) => {
    if (seq <= settledUpTo) return ackWaitMs;
    // Delivered, and nobody has it. The broker would give it to a pull that waits, unless its look for such turns is late.
    return seq <= deliveredUpTo && pullsWait ? 2 * ackWaitMs : undefined;
  };

  return {
    /** Whether some turn is to be looked at again soon. */
    any: (): boolean => [...suspects.values()].some(({ unanswered }) => unanswered > 0),
    /** Which ones those are, by their sequence in the queue. */
    seqs: (): Iterable<number> => suspects.keys(),
    takeOver,

    /** Looks at what one sweep found. */
    async look(found: readonly FoundTurn[], state: DeliveryState): Promise<void> {
      const before = suspects;
      suspects = new Map();
      const lookAt = async (turn: QueuedTurn, standing: TurnStanding): Promise<void> => {
        const waitMs = patienceMs(turn, state);
        if (waitMs === undefined) return;
        const lastSeq = standing.kind === "begun" ? standing.seq : 0;
        const fresh: Suspect = { sinceMs: performance.now(), lastSeq, unanswered: 0 };
        const known = before.get(turn.seq);
        const suspect = known?.lastSeq === lastSeq ? known : fresh;
        suspects.set(turn.seq, suspect);
        if (performance.now() - suspect.sinceMs < waitMs) return;
        const found = await check(turn, suspect, turn.seq <= state.settledUpTo);
        if (found === "unknown") return;
        const unanswered = found === "runs" ? 0 : suspect.unanswered + 1;
        suspects.set(turn.seq, unanswered === 0 ? fresh : { ...suspect, unanswered });
        if (unanswered >= mostUnanswered) void takeOver(turn, suspect.lastSeq);
      };
      await Promise.all(found.map(({ turn, standing }) => lookAt(turn, standing)));
    },
  };
}

/** Turns that run here although the queue has lost them (an operator deleted them): they go on, but nobody would take them over. */
function createUnqueued({ bus, runner, onFinding, log }: JanitorDeps) {
  const told = new Set<number>();

  return async (): Promise<void> => {
    for (const { seq, request } of runner.turns()) {
      if (told.has(seq) || (await bus.turns.isQueued(seq)) || !runner.isRunning(request.turn_id)) continue;
      told.add(seq);
      onFinding("unqueued");
      const { turn_id, conversation_id } = request;
      log.error({ turn_id, conversation_id }, "a running turn has vanished from the queue; it goes on here");
    }
    const here = new Set(runner.turns().map(({ seq }) => seq));
    for (const seq of told) if (!here.has(seq)) told.delete(seq);
  };
}

/** Turns that wait for people are nobody's, and no orphans. One for which something has happened is brought back, if nobody else does. */
function createOverdue(
  { bus, waits, onFinding, log }: JanitorDeps,
  orphans: ReturnType<typeof createOrphans>,
  signal: AbortSignal,
) {
  /** Since when each is due, by sequence in the queue. */
  let dueSince = new Map<number, number>();

  const isDue = async ({ request }: QueuedTurn): Promise<boolean> => {
    const { fact, ...found } = await waits.find(request);
    return fact?.kind === "wait" && (await waits.look(request, fact, found)).state === "due";
  };
  const wake = async (turn: QueuedTurn, seq: number, { settledUpTo }: DeliveryState): Promise<void> => {
    onFinding("not woken");
    log.warn({ turn_id: turn.request.turn_id }, "a turn that nobody had woken is brought back");
    if (turn.seq <= settledUpTo) await orphans.takeOver(turn, seq);
    else await bus.turns.wakeAt(turn.seq);
  };

  return {
    seqs: (): Iterable<number> => dueSince.keys(),

    async look(waiting: readonly FoundTurn[], state: DeliveryState): Promise<void> {
      const before = dueSince;
      dueSince = new Map();
      const lookAt = async ({ turn, standing }: FoundTurn): Promise<void> => {
        if (signal.aborted || !(await isDue(turn))) return;
        const sinceMs = before.get(turn.seq) ?? performance.now();
        dueSince.set(turn.seq, sinceMs);
        if (performance.now() - sinceMs < overdueMs) return;
        await wake(turn, standing.kind === "begun" ? standing.seq : 0, state);
      };
      // A thousand, one after the other, would hold the sweep up, and all at once the broker.
      for (let from = 0; from < waiting.length; from += looksAtOnce)
        await Promise.all(waiting.slice(from, from + looksAtOnce).map(lookAt));
    },
  };
}

/** Reads the queue in portions, and what is to be looked at again with each. */
function createPortions({ turns }: JanitorDeps["bus"]) {
  let from = 1;
  /** Of the turns before: their first ones have been seen. */
  let conversations = new Set<string>();

  return async (again: Iterable<number>): Promise<{ turn: QueuedTurn; isFirst: boolean }[]> => {
    const portion = await turns.scan(sweepLimit, from);
    const found = portion.map((turn) => {
      const { conversation_id } = turn.request;
      const isFirst = !conversations.has(conversation_id);
      conversations.add(conversation_id);
      return { turn, isFirst };
    });
    const seqs = new Set(portion.map(({ seq }) => seq));
    for (const seq of again) {
      const turn = seqs.has(seq) ? undefined : await turns.at(seq);
      if (turn === undefined) continue;
      found.push({ turn, isFirst: (await turns.first(turn.request.conversation_id))?.seq === seq });
    }
    from = (portion.at(-1)?.seq ?? 0) + 1;
    if (portion.length < sweepLimit) [from, conversations] = [1, new Set()];
    return found;
  };
}

/** One look at the queue, until the signal. */
function createSweep(deps: JanitorDeps, orphans: ReturnType<typeof createOrphans>, signal: AbortSignal) {
  const { bus, runner, age, earlyEnds, waits, onFinding } = deps;
  const { turns, agents } = bus;
  const lookAtUnqueued = createUnqueued(deps);
  const overdue = createOverdue(deps, orphans, signal);
  const nextPortion = createPortions(bus);
  /** Ended turns of the sweep before: their own worker had its time to remove them. */
  let endedBefore = new Set<number>();

  const removeLeftBehind = async (turn: QueuedTurn): Promise<void> => {
    onFinding("left behind");
    await waits.wakeBehind(turn.request);
    await turns.removeFirst(turn.seq);
    agents.turnLeft(turn.request);
  };

  /** Ends what has waited too long, wherever it stands. Returns how the turn stands otherwise; undefined: nothing is to be done about it. */
  const lookAt = async (
    turn: QueuedTurn,
    isFirst: boolean,
    deliveredUpTo: number,
  ): Promise<TurnStanding | undefined> => {
    const { turn_id, accepted_at } = turn.request;
    // What waits behind another one leaves the queue, and runs, in its time.
    if (runner.isRunning(turn_id) || (!isFirst && !age.looksTooOld(accepted_at))) return undefined;
    const standing = await turns.standing(turn);
    if (isFirst && (standing.kind !== "waits" || !(await age.isTooOld(turn)))) return standing;
    // One that has begun behind another one was begun only to be ended.
    if (standing.kind !== "ended") await earlyEnds.endTooOld(turn, isFirst && turn.seq <= deliveredUpTo);
    return undefined;
  };

  return async (): Promise<void> => {
    await lookAtUnqueued();
    const queued = await nextPortion([...endedBefore, ...orphans.seqs(), ...overdue.seqs()]);
    // Asked after the scan: a turn that is acknowledged in between has ended and is only removed once more.
    const state = await turns.deliveryState();
    const ended: FoundTurn[] = [];
    const open: FoundTurn[] = [];
    const waiting: FoundTurn[] = [];
    for (const { turn, isFirst } of queued) {
      if (signal.aborted) return;
      const standing = await lookAt(turn, isFirst, state.deliveredUpTo);
      if (standing === undefined) continue;
      const isWaiting = standing.kind === "begun" && standing.isWaiting;
      (standing.kind === "ended" ? ended : isWaiting ? waiting : open).push({ turn, standing });
    }
    for (const { turn } of ended) {
      if (turn.seq <= state.settledUpTo || endedBefore.has(turn.seq)) await removeLeftBehind(turn);
    }
    endedBefore = new Set(ended.map(({ turn }) => turn.seq));
    await orphans.look(open, state);
    await overdue.look(waiting, state);
  };
}

/** Looks after turns that nobody would look after again. Every worker does; what two find at once, the claim decides. */
export function createJanitor(deps: JanitorDeps) {
  const { everyMs, ackWaitMs, log } = deps;
  const stopping = new AbortController();
  const orphans = createOrphans(deps, stopping.signal);
  const sweep = createSweep(deps, orphans, stopping.signal);

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const waitMs = orphans.any() ? Math.min(everyMs, ackWaitMs) : everyMs;
      // Spread over the interval, so that workers that started together do not look together.
      await sleep(waitMs * (0.5 + Math.random()), stopping.signal);
      if (!stopping.signal.aborted)
        await sweep().catch((err: unknown) => log.debug({ err }, "the queue could not be looked at"));
    }
  };
  void run();

  return { close: (): void => stopping.abort() };
}
