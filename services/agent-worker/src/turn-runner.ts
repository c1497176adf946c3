import type { Bus, QueuedTurn } from "@parley/bus";
import { ChatError, turnsDestination, type LogRecord, type TurnRequest } from "@parley/protocol";
import { noSpan, traceNames, type Logger, type TraceSpan, type Tracing } from "@parley/runtime";
import { claimTurn, type PreviousAttempt } from "./claim.ts";
import { idsOf, type ClaimedTurn } from "./claimed-turn.ts";
import { FencedError } from "./fenced-append.ts";
import { TurnCancelled, TurnHandedOver } from "./turn-stop.ts";

/** A turn that this worker may try to run: delivered by the queue, or found there by whoever looks after it. */
export interface RunnableTurn extends QueuedTurn {
  ack(): Promise<boolean>;
  nak(delayMs?: number): void;
  working(): void;
}

/**
 * The turn as one to be ended before its time in the queue has come: it stays queued until it is the first of its conversation, and whoever
 * gets it then finds it ended.
 */
export function withoutQueue({ seq, request }: QueuedTurn): RunnableTurn {
  return { seq, request, ack: () => Promise.resolve(true), nak() {}, working() {} };
}

export interface TurnRunnerDeps {
  readonly bus: Bus;
  /** Unique to this process. */
  readonly worker: string;
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
  /** Of the attempt that runs. */
  span: TraceSpan;
  done: Promise<void>;
}

export type TurnRunner = ReturnType<typeof createTurnRunner>;

/** Claims and runs turns, and owns the map of those that run here. */
export function createTurnRunner({ onSettled, ...deps }: TurnRunnerDeps) {
  const running = new Map<string, Running>();

  const work = async (entry: Running): Promise<void> => {
    const { request } = entry.turn;
    const result = await settle(entry, deps);
    running.delete(request.turn_id);
    onSettled(result);
    await answerQueue(entry.turn, result);
  };

  return {
    running: (): number => running.size,
    requests: (): TurnRequest[] => [...running.values()].map(({ turn }) => turn.request),
    isRunning: (turnId: string): boolean => running.has(turnId),

    /** Postpones redelivery of everything that runs here. */
    heartbeat(): void {
      for (const { turn } of running.values()) turn.working();
    },

    /** Resolves when the turn is settled here, one way or the other; never throws. */
    async run(turn: RunnableTurn): Promise<void> {
      const present = running.get(turn.request.turn_id);
      if (present !== undefined) {
        // The broker gave up waiting for a sign of life that it did not get: the new delivery is the one to acknowledge.
        present.turn = turn;
        return present.done;
      }
      const entry: Running = { turn, stop: new AbortController(), span: noSpan, done: Promise.resolve() };
      running.set(turn.request.turn_id, entry);
      entry.done = work(entry);
      await entry.done;
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

type SettleDeps = Omit<TurnRunnerDeps, "onSettled">;

/** Not awaited before the claim: the turns before this one have ended, so nothing that matters to it is added meanwhile. */
async function readHistory({ conversation_id }: TurnRequest, deps: SettleDeps): Promise<readonly LogRecord[]> {
  return (await deps.bus.transcripts.tail(conversation_id, { limit: deps.historyMessages })).records;
}

async function claimAndRun(
  { turn: { request }, stop, span }: Running,
  deps: SettleDeps,
  lostAttempts: number,
): Promise<TurnResult> {
  const { bus, worker, appendGiveUpMs: giveUpMs, turnMs, run, onClaimed } = deps;
  const claiming = span.child({ name: "claim" });
  const claimed = claimTurn(request, { bus, worker, giveUpMs, lostAttempts, trace: span.traceparent });
  const records = readHistory(request, deps);
  // Whoever answers gets to see it; a turn that is not ours does not care.
  records.catch(() => {});
  const claim = await claimed.finally(claiming.end);
  if (claim.kind === "ended") return "skipped";
  if (claim.kind === "lost") return "lost";
  const { fold, attempt, previous } = claim;
  span.set({ [traceNames.attempt]: attempt });
  span.link(previous?.trace);
  onClaimed(request, previous);
  const tooLong = new ChatError("MODEL_TIMEOUT", { message: "The answer took too long." });
  // Workers that come and go do not make it longer.
  const timer = setTimeout(() => stop.abort(tooLong), Math.max(0, turnMs - fold.workedMs));
  try {
    return await run({ request, fold, attempt, records, stop, span });
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

async function settle(entry: Running, deps: SettleDeps): Promise<TurnResult> {
  const { request } = entry.turn;
  for (let lostAttempts = 0; ;) {
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
      // The claim was lost with the log: the turn begins again, here as well as anywhere.
      lostAttempts = err.lostAttempt;
      entry.stop = new AbortController();
    } finally {
      span.end();
    }
  }
}

/** Fenced and lost turns are somebody else's: no acknowledgement of any kind. */
async function answerQueue(turn: RunnableTurn, result: TurnResult): Promise<void> {
  if (result === "ended" || result === "skipped") await turn.ack();
  if (result === "handed over") turn.nak();
  if (result === "failed") turn.nak(1_000);
}
