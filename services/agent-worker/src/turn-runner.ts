import type { Bus, DeliveryAnswers, QueuedTurn } from "@parley/bus";
import { ChatError, turnsDestination, type StoredTurn, type TurnRequest } from "@parley/protocol";
import { noSpan, traceNames, type Logger, type TraceSpan, type Tracing } from "@parley/runtime";
import { claimTurn, type PreviousAttempt } from "./claim.ts";
import { idsOf, type ClaimedTurn } from "./claimed-turn.ts";
import { FencedError } from "./fenced-append.ts";
import { attemptsOfOthers, mostAttempts } from "./forgotten-attempts.ts";
import { isOld, queueTimeoutOf, type QueueAge } from "./queue-age.ts";
import type { TurnFold } from "./turn-fold.ts";
import { TurnCancelled, TurnHandedOver } from "./turn-stop.ts";

/** A turn that this worker may try to run: delivered by the queue, or found there by whoever looks after it. */
export interface RunnableTurn extends QueuedTurn, DeliveryAnswers {
  /** Keeps it for a while, because it failed, and then gives it back. */
  rest(): void;
  /** Unset: the broker did not give it to us. */
  readonly deliveries?: number;
  /** It is claimed only if this is the sequence of its chain's last event. */
  readonly onlyAfter?: number | undefined;
  /** It is claimed from a writer that goes on writing, too. */
  readonly insists?: boolean;
}

export interface TurnRunnerDeps {
  readonly bus: Bus;
  /** Unique to this process. */
  readonly worker: string;
  /** Of this process: once it is aborted nothing is claimed any more. */
  readonly stopping: AbortSignal;
  readonly age: Pick<QueueAge, "isTooOld">;
  readonly run: (turn: ClaimedTurn) => Promise<"ended" | "handed over">;
  /** A turn that takes longer ends with an error. */
  readonly turnMs: number;
  readonly appendGiveUpMs: number;
  /** Messages of the transcript that are looked at for context. */
  readonly historyMessages: number;
  readonly tracing: Tracing;
  readonly log: Logger;
  readonly onClaimed: (request: TurnRequest, previous: PreviousAttempt | undefined) => void;
  readonly onSettled: (result: TurnResult) => void;
}

/**
 * `ended`: the terminal event is stored. `skipped`: it had ended before. `lost`: another worker has it. `fenced`: another worker took it
 * away. `handed over`: this worker stops. `failed`: it could not be brought to an end here and will be delivered again.
 */
export type TurnResult = "ended" | "skipped" | "lost" | "fenced" | "handed over" | "failed";

interface Running {
  turn: RunnableTurn;
  stop: AbortController;
  /** It is claimed only to be ended. */
  readonly isEnding: boolean;
  /** Of the attempt that runs. */
  span: TraceSpan;
  done: Promise<TurnResult>;
}

export type TurnRunner = ReturnType<typeof createTurnRunner>;

/** Lets a turn run until it is settled here, and tells the queue. Never throws. */
function createStart({ onSettled, ...deps }: TurnRunnerDeps, running: Map<string, Running>) {
  const work = async (entry: Running): Promise<TurnResult> => {
    const { request } = entry.turn;
    const result = await settle(entry, deps);
    running.delete(request.turn_id);
    onSettled(result);
    // It will be delivered, or found, once more.
    const notTold = (err: unknown): void => deps.log.warn({ err }, "the queue was not told of a settled turn");
    await answerQueue(entry.turn, result, deps.bus).catch(notTold);
    return result;
  };

  return (turn: RunnableTurn, stop: AbortController): Promise<TurnResult> => {
    const done = Promise.resolve<TurnResult>("lost");
    const entry: Running = { turn, stop, isEnding: stop.signal.aborted, span: noSpan, done };
    running.set(turn.request.turn_id, entry);
    entry.done = work(entry);
    return entry.done;
  };
}

/** Claims and runs turns, and owns the map of those that run here. */
export function createTurnRunner(deps: TurnRunnerDeps) {
  const { bus, stopping } = deps;
  const running = new Map<string, Running>();
  const start = createStart(deps, running);

  /** Resolves when the turn is settled here, one way or the other; never throws. */
  const run = async (turn: RunnableTurn): Promise<void> => {
    const present = running.get(turn.request.turn_id);
    // The broker gave up waiting for a sign of life that it did not get: the new delivery is the one to acknowledge.
    if (present !== undefined && !present.isEnding) present.turn = turn;
    await present?.done;
    if (present?.isEnding === false) return;
    // Only a turn that nobody ends meanwhile is still there to be run.
    if (present !== undefined) return run(turn);
    if (stopping.aborted) return turn.nak();
    await start(turn, new AbortController());
  };

  return {
    running: (): number => running.size,
    turns: (): QueuedTurn[] => [...running.values()].map(({ turn }) => turn),
    isRunning: (turnId: string): boolean => running.has(turnId),

    /** Postpones redelivery of everything that runs here. */
    heartbeat(): void {
      for (const { turn } of running.values()) turn.working();
    },

    run,

    /**
     * Ends a turn that does not run here, wherever it stands in the queue: one that waits (`onlyAfter` 0), one whose writer is silent since the
     * chain's event of that sequence, or (without one) one whose writer goes on. Resolves to whether it has ended.
     */
    async end(turn: QueuedTurn, reason: TurnCancelled | ChatError, onlyAfter?: number): Promise<boolean> {
      if (stopping.aborted || running.has(turn.request.turn_id)) return false;
      const stop = new AbortController();
      stop.abort(reason);
      const found = { ...withoutDelivery(turn, bus, onlyAfter), insists: onlyAfter === undefined };
      const result = await start(found, stop);
      return result === "ended" || result === "skipped";
    },

    /** Stops a turn that runs here. Returns whether one does. */
    cancel(turnId: string, reason: string): boolean {
      const present = running.get(turnId);
      present?.stop.abort(new TurnCancelled(reason));
      return present !== undefined;
    },

    /** Hands every running turn over to other workers and waits until they are let go. */
    async handOver(): Promise<void> {
      const all = [...running.values()];
      for (const { stop } of all) stop.abort(new TurnHandedOver());
      await Promise.allSettled(all.map(({ done }) => done));
    },
  };
}

/**
 * A turn that the broker did not give us. Once it has ended it leaves the queue only if it is the first of its conversation; else whoever gets it
 * in its time finds it ended.
 */
export function withoutDelivery(
  { seq, storedMs, request }: QueuedTurn,
  { turns }: Bus,
  onlyAfter?: number,
): RunnableTurn {
  const ack = async (): Promise<void> => void (await turns.removeEnded(request.conversation_id));
  return { seq, storedMs, request, onlyAfter, ack, nak() {}, async putBack() {}, working() {}, rest() {} };
}

type SettleDeps = Omit<TurnRunnerDeps, "onSettled">;

/** Not awaited before the claim: the turns before this one have ended, so nothing that matters to it is added meanwhile. */
async function readHistory(turn: RunnableTurn, deps: SettleDeps): Promise<readonly StoredTurn[]> {
  const { transcripts } = deps.bus;
  const { conversation_id, turn_id } = turn.request;
  const { turns } = await transcripts.tail(conversation_id, { limit: deps.historyMessages });
  if (!isOld(turn, deps.bus.eventWindowMs)) return turns;
  // It may have been answered before its events expired, and many turns have come since.
  const own = await transcripts.find(conversation_id, turn_id, turn.storedMs);
  return own === undefined || turns.some((other) => other.turn_id === own.turn_id) ? turns : [own, ...turns];
}

/** As far as anybody can tell. */
function isUnbegun({ rebuilt }: TurnFold, lostAttempts: number): boolean {
  return lostAttempts === 0 && rebuilt.length === 0;
}

/** Somebody had it, or it is so old that nobody could tell by its events. */
function mayHaveBegun(turn: RunnableTurn, windowMs: number): boolean {
  return isOld(turn, windowMs) || turn.deliveries !== 1;
}

/** The end of an attempt of ours which the log lost before anybody was told is still to be told. */
async function hasEndedLongAgo(turn: RunnableTurn, lostAttempts: number, bus: Bus): Promise<boolean> {
  return lostAttempts === 0 && isOld(turn, bus.eventWindowMs) && (await bus.turns.hasEnded(turn));
}

async function claimAndRun(entry: Running, deps: SettleDeps, lostAttempts: number): Promise<TurnResult> {
  const { turn, stop, span, isEnding } = entry;
  const { request, onlyAfter, insists } = turn;
  const { bus, worker, appendGiveUpMs: giveUpMs, turnMs, stopping, age, run, onClaimed, log } = deps;
  if (await hasEndedLongAgo(turn, lostAttempts, bus)) return "skipped";
  const claiming = span.child({ name: "claim" });
  const trace = span.traceparent;
  const readsFacts = lostAttempts > 0 || mayHaveBegun(turn, bus.eventWindowMs);
  const claimed = claimTurn(request, {
    ...{ bus, worker, giveUpMs, lostAttempts, onlyAfter, insists, stopping, trace, readsFacts, log },
    queuedAt: turn.storedMs,
    isOld: lostAttempts > 0 || isOld(turn, bus.eventWindowMs),
    attemptsBefore: await attemptsOfOthers(turn, bus),
  });
  const history = readHistory(turn, deps);
  // Whoever answers gets to see it; a turn that is not ours does not care.
  history.catch(() => {});
  const claim = await claimed.finally(claiming.end);
  if (claim.kind === "ended") return "skipped";
  if (claim.kind === "lost") return "lost";
  if (claim.kind === "stopping") return "handed over";
  const { fold, attempt, previous } = claim;
  span.set({ [traceNames.attempt]: attempt });
  span.link(previous?.trace);
  onClaimed(request, previous);
  // Only the wait counts: a turn that had begun goes on. Asked after the claim, whose own time is what the broker takes for now.
  const onlyWaited = !isEnding && previous === undefined && isUnbegun(fold, lostAttempts);
  if (onlyWaited && (await age.isTooOld(turn)))
    stop.abort(queueTimeoutOf(turn, turn.deliveries !== 1, bus.eventWindowMs));
  const giveUp = (): void => stop.abort(new ChatError("MODEL_TIMEOUT", { message: "The answer took too long." }));
  // Workers that come and go do not make it longer.
  const timer = setTimeout(giveUp, Math.max(0, turnMs - fold.workedMs));
  try {
    return await run({ request, place: turn.seq, queuedAt: turn.storedMs, fold, attempt, history, stop, span });
  } finally {
    clearTimeout(timer);
  }
}

/** A span of its own for each attempt: one that is lost with its worker is never sent, but the next points to it. */
function attemptSpan(tracing: Tracing, { trace, turn_id, conversation_id, accepted_at }: TurnRequest): TraceSpan {
  return tracing.start({
    name: `process ${turnsDestination}`,
    kind: "consumer",
    parent: trace,
    attributes: {
      [traceNames.messagingSystem]: "nats",
      [traceNames.messagingOperation]: "process",
      [traceNames.messagingOperationType]: "process",
      [traceNames.destination]: turnsDestination,
      [traceNames.messageId]: turn_id,
      [traceNames.conversation]: conversation_id,
      [traceNames.turn]: turn_id,
      [traceNames.queueWait]: Math.max(0, Date.now() - accepted_at) / 1_000,
    },
  });
}

/** A log that loses one attempt after the other is not worth more tries at once. */
const mostLosses = mostAttempts - 1;

async function settle(entry: Running, deps: SettleDeps): Promise<TurnResult> {
  const { request } = entry.turn;
  for (let losses = 0, lostAttempts = 0; ; losses++) {
    entry.span = attemptSpan(deps.tracing, request);
    const { span } = entry;
    try {
      const result = await claimAndRun(entry, deps, lostAttempts);
      span.set({ [traceNames.result]: result });
      return result;
    } catch (err) {
      span.fail(err instanceof FencedError ? "fenced" : "failed");
      if (!(err instanceof FencedError)) {
        const what = "a turn could not be brought to its end; it will be delivered again";
        deps.log.error({ err, ...idsOf({ request, span }) }, what);
        return "failed";
      }
      if (err.lostAttempt === undefined) return "fenced";
      if (losses === mostLosses) return "failed";
      if (deps.stopping.aborted) return "handed over";
      // The claim was lost with the log: the turn begins again, here as well as anywhere.
      lostAttempts = err.lostAttempt;
      entry.stop = restarted(entry);
    } finally {
      span.end();
    }
  }
}

/** For another attempt in this place; a reason to end it holds for that as well. */
function restarted({ isEnding, stop }: Running): AbortController {
  const next = new AbortController();
  if (isEnding) next.abort(stop.signal.reason);
  return next;
}

/** Fenced and lost turns are somebody else's: no acknowledgement of any kind. */
async function answerQueue(turn: RunnableTurn, result: TurnResult, { agents }: Bus): Promise<void> {
  if (result === "handed over") turn.nak();
  if (result === "failed") turn.rest();
  if (result !== "ended" && result !== "skipped") return;
  await turn.ack();
  agents.turnLeft(turn.request);
}
