import type { Bus, Decision } from "@parley/bus";
import { isTerminal, subjects, type FactOf } from "@parley/protocol";
import { createBackoff, sleep, type Logger } from "@parley/runtime";

export interface WakingDeps {
  readonly bus: Pick<Bus, "decisions" | "events" | "facts" | "turns">;
  readonly ackWaitMs: number;
  /** Of this process: once it is aborted nothing more is taken. */
  readonly stopping: AbortSignal;
  readonly onWoken: () => void;
  readonly log: Logger;
}

/**
 * A frozen process swallows what its pull gets, until the ack wait is over: so few, and not for long. While decisions come faster than that each pull takes
 * twice as many as the one before: between two pulls a busy process does much else.
 */
const fewAtOnce = 32;
const mostAtOnce = 256;
const pullMs = 5_000;
/** A pull of many does not wait for the last of them. */
const burstMs = 1_000;
/** More stay at the broker: other workers take them. */
const mostHeld = 1_000;
const fullPauseMs = 250;

/** Until it is seen whether a decision was carried out; longer and longer while that takes. */
const againMs = 3_000;
const longestAgainMs = 15_000;
/** Of a turn that runs, or seems to: its worker says something in that time, or is lost, and then the broker brings it. Should that have lost it, a wake does. */
const silenceMs = 12_000;

/**
 * `done`: the call has its result, or the turn its end. `waits`: nobody has the turn. `runs`: its chain goes on behind the wait; `seq` is where that
 * stands.
 */
type Progress =
  | { readonly kind: "done" }
  | { readonly kind: "waits" }
  | { readonly kind: "runs"; readonly seq: number };

const done = { kind: "done" } as const;

/** How far a decision was carried out. */
function createProgress({ events, facts, turns }: WakingDeps["bus"]) {
  const isQueued = async ({ conversation_id, turn_id }: FactOf<"decided">): Promise<boolean> =>
    (await turns.waiting(conversation_id)).some(({ request }) => request.turn_id === turn_id);

  return async (fact: FactOf<"decided">): Promise<Progress> => {
    const { conversation_id: conversation, turn_id: turn, call_id: call } = fact;
    const last = await events.last(subjects.agent(events.shardOf(conversation), conversation, turn));
    if (last !== undefined && isTerminal(last.event.type)) return done;
    if ((await facts.read("result", { conversation, turn, call })) !== undefined) return done;
    if (last !== undefined) return last.event.type === "waiting" ? { kind: "waits" } : { kind: "runs", seq: last.seq };
    // Its events are forgotten, or its conversation was deleted.
    return (await isQueued(fact)) ? { kind: "waits" } : done;
  };
}

/**
 * Wakes the turn of a decision: by the subject that was noted, without a wait for others; later by its place in the queue, which the broker always
 * understands, and so that it keeps it.
 */
function createWake({ facts, turns }: WakingDeps["bus"], onWoken: () => void) {
  return async ({ conversation_id: conversation, turn_id: turn }: FactOf<"decided">, tries: number): Promise<void> => {
    const noted = await facts.read("ack", { conversation, turn });
    onWoken();
    if (noted?.kind === "ack" && tries === 1) return turns.wakeUnstored(noted.reply);
    const queued = (await turns.waiting(conversation)).find(({ request }) => request.turn_id === turn);
    if (queued !== undefined) await turns.wakeAt(queued.seq);
  };
}

/**
 * The same for a decision that has just come: nearly every one finds its turn waiting, and no more needs to be known of it then. False: it is to be found out
 * how far the decision was carried out.
 */
function createFirstWake({ events, facts, turns }: WakingDeps["bus"], onWoken: () => void) {
  return async ({ conversation_id: conversation, turn_id: turn }: FactOf<"decided">): Promise<boolean> => {
    const [last, noted] = await Promise.all([
      events.last(subjects.agent(events.shardOf(conversation), conversation, turn)),
      facts.read("ack", { conversation, turn }),
    ]);
    if (last?.event.type !== "waiting" || noted?.kind !== "ack") return false;
    onWoken();
    turns.wakeUnstored(noted.reply);
    return true;
  };
}

/** Carries one decision out: wakes its turn, unless somebody has it, and looks again, until it is done. */
function createCarryOut({ bus, ackWaitMs, stopping, onWoken, log }: WakingDeps) {
  const progressOf = createProgress(bus);
  const wake = createWake(bus, onWoken);
  const wakeFirst = createFirstWake(bus, onWoken);

  /** How long a chain stands still. */
  const createSilence = () => {
    let seenSeq = -1;
    let sinceMs = 0;
    return (seq: number): number => {
      if (seq !== seenSeq) [seenSeq, sinceMs] = [seq, performance.now()];
      return performance.now() - sinceMs;
    };
  };

  return async ({ fact }: Decision): Promise<void> => {
    const silentForMs = createSilence();
    let pauseMs = againMs;
    // Whoever expires a wait has the turn in its hands.
    const isExpired = fact.expired === true;
    let wakes = !isExpired && (await wakeFirst(fact).catch(() => false)) ? 1 : 0;
    if (isExpired || wakes > 0) await sleep(againMs, stopping);
    while (!stopping.aborted) {
      try {
        const progress = await progressOf(fact);
        if (progress.kind === "done") return;
        const isLost = progress.kind === "runs" && silentForMs(progress.seq) > Math.max(silenceMs, 4 * ackWaitMs);
        if (progress.kind === "waits" || isLost) await wake(fact, ++wakes);
        // Workers that have no room for it yet are not helped by another delivery.
        if (wakes !== 1) pauseMs = Math.min(longestAgainMs, pauseMs * 2);
      } catch (err) {
        log.debug({ err, turn_id: fact.turn_id }, "a decision could not be looked after yet");
      }
      await sleep(pauseMs, stopping);
    }
  };
}

/**
 * Brings turns back for which somebody has decided. All workers share a consumer of decisions, each of which is held, by heartbeat, until it was carried
 * out: so a decision whose worker is lost comes to another one, and nothing else has to be swept.
 */
export function createWaking(deps: WakingDeps) {
  const { bus, ackWaitMs, stopping, log } = deps;
  const { decisions } = bus;
  const carryOut = createCarryOut(deps);
  const held = new Set<Decision>();
  const beating = setInterval(() => {
    for (const decision of held) decision.working();
  }, ackWaitMs / 3);

  const take = async (decision: Decision): Promise<void> => {
    if (stopping.aborted) return decision.nak();
    held.add(decision);
    await carryOut(decision);
    held.delete(decision);
    if (stopping.aborted) decision.nak();
    else decision.ack();
  };
  const pullAll = async (shard: number): Promise<void> => {
    const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
    let wanted = fewAtOnce;
    while (!stopping.aborted) {
      const most = Math.min(wanted, mostHeld - held.size);
      if (most <= 0) {
        await sleep(fullPauseMs, stopping);
        continue;
      }
      try {
        let missing = most;
        const expiresMs = most > fewAtOnce ? burstMs : pullMs;
        await decisions.pull(shard, { most, expiresMs }, (decision) => {
          missing--;
          void take(decision);
        });
        wanted = missing === 0 ? Math.min(mostAtOnce, wanted * 2) : fewAtOnce;
        backoff.reset();
      } catch (err) {
        log.debug({ err }, "no decision could be pulled");
        await sleep(backoff.nextMs(), stopping);
      }
    }
  };
  const pulling = Array.from({ length: decisions.shards }, (_, shard) => pullAll(shard));

  return {
    /** Resolves when it takes no more and all that it held is given back; that begins when the process stops. */
    async stop(): Promise<void> {
      await decisions.endPulls();
      await Promise.all(pulling);
      clearInterval(beating);
    },
  };
}
