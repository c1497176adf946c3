import type { Bus, QueuedTurn } from "@parley/bus";
import { ChatError, isTerminal, subjects, type ConversationId, type TurnId } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import type { Waiter } from "./parking.ts";
import { queueTimeoutOf, type QueueAge } from "./queue-age.ts";
import type { TurnRunner } from "./turn-runner.ts";
import { unknownReason } from "./turn-facts.ts";
import { TurnCancelled } from "./turn-stop.ts";

export interface EarlyEndDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns" | "eventWindowMs">;
  readonly runner: Pick<TurnRunner, "end" | "isRunning">;
  readonly age: QueueAge;
  /** Of this process. */
  readonly stopping: AbortSignal;
  readonly log: Logger;
}

/** What is known of a turn that may end before it has begun. */
type Early = Pick<Waiter, "seq" | "conversation" | "turn" | "acceptedAt">;

function erasedError(): ChatError {
  return new ChatError("NOT_FOUND", { message: "The conversation was deleted while this message was sent." });
}

export type EarlyEnds = ReturnType<typeof createEarlyEnds>;

/** The writes of an early end follow each other at once. Whoever has added nothing for this long is dead, frozen or cut off. */
const silenceMs = 500;
/** Until somebody finds the turn again. */
const mostLooks = 20;
/** What a chain ends with when its turn was claimed and nobody has begun to answer. */
const unanswered: ReadonlySet<string> = new Set(["claimed", "released", "ending"]);

/**
 * Goes on with the end of a waiting turn where the worker that began it was lost between two of its writes. A turn behind another one is claimed
 * only to be ended, so nobody else's work is taken; a live worker that was slow is fenced, and its end, once decided, is the one that is told.
 */
function createFinishing({ bus: { events, turns }, runner, stopping, log }: EarlyEndDeps) {
  const underWay = new Set<TurnId>();

  const isBehind = async ({ seq, request }: QueuedTurn): Promise<boolean> => {
    const first = await turns.first(request.conversation_id);
    return first !== undefined && first.seq < seq && !(await turns.hasEnded(first));
  };

  const finish = async (turn: QueuedTurn, reason: TurnCancelled | ChatError): Promise<void> => {
    const { conversation_id, turn_id } = turn.request;
    const chain = subjects.agent(events.shardOf(conversation_id), conversation_id, turn_id);
    let seenSeq = 0;
    for (let looks = 0; looks < mostLooks && !stopping.aborted && !runner.isRunning(turn_id); looks++) {
      const last = await events.lastFromLeader(chain);
      if (last === undefined || isTerminal(last.event.type) || !unanswered.has(last.event.type)) return;
      if (!(await isBehind(turn))) return;
      if (last.seq === seenSeq && (await runner.end(turn, reason, seenSeq))) return;
      seenSeq = last.seq;
      await sleep(silenceMs, stopping);
    }
  };

  return {
    isUnderWay: (turn: TurnId): boolean => underWay.has(turn),
    start(turn: QueuedTurn, reason: TurnCancelled | ChatError): void {
      const { turn_id } = turn.request;
      underWay.add(turn_id);
      finish(turn, reason)
        .catch((err: unknown) =>
          log.warn({ err, turn_id }, "a turn that waits could not be ended; it is looked at again"),
        )
        .finally(() => underWay.delete(turn_id));
    },
  };
}

/** The ends of turns that have not begun: cancelled while they waited, or too old. */
export function createEarlyEnds(deps: EarlyEndDeps) {
  const { bus, runner, age } = deps;
  const { events, facts, turns } = bus;
  const finishing = createFinishing(deps);

  /** Returns whether it has ended; where a lost worker has begun to end it, it does a moment later. */
  const end = async (turn: QueuedTurn, reason: TurnCancelled | ChatError): Promise<boolean> => {
    const { turn_id } = turn.request;
    if (finishing.isUnderWay(turn_id)) return false;
    if (await runner.end(turn, reason, 0)) return true;
    if (!runner.isRunning(turn_id) && !finishing.isUnderWay(turn_id)) finishing.start(turn, reason);
    return false;
  };

  /** `wasHad`: somebody may have begun it. */
  const endTooOld = async (turn: QueuedTurn, wasHad: boolean): Promise<boolean> =>
    (await age.isTooOld(turn)) && end(turn, queueTimeoutOf(turn, wasHad, bus.eventWindowMs));

  const cancelledBecause = async (conversation: ConversationId, turn: TurnId): Promise<string | undefined> => {
    const found = await events.last(subjects.control(events.shardOf(conversation), conversation, turn));
    if (found !== undefined) return found.event.type === "cancel_requested" ? found.event.reason : unknownReason;
    const fact = await facts.read("cancel", { conversation, turn });
    return fact?.kind === "cancel" ? fact.reason : fact && unknownReason;
  };

  return {
    /** Ends a turn that nobody can read, as its conversation was deleted. Returns whether it has ended. */
    endErased: (turn: QueuedTurn): Promise<boolean> => end(turn, erasedError()),

    /** Ends a turn that has waited too long. Returns whether it has ended. */
    endTooOld,

    /** Free, and only half of the truth. */
    looksTooOld: ({ acceptedAt }: Pick<Waiter, "acceptedAt">): boolean => age.looksTooOld(acceptedAt),

    /** Ends a turn that waits if somebody has cancelled it and nobody heard, or if it has waited too long. Returns whether it has ended. */
    async endEarly({ seq, conversation, turn, acceptedAt }: Early): Promise<boolean> {
      const reason = await cancelledBecause(conversation, turn);
      if (reason === undefined && !age.looksTooOld(acceptedAt)) return false;
      const queued = await turns.at(seq);
      if (queued === undefined) return false;
      if (reason !== undefined) return end(queued, new TurnCancelled(reason));
      // An earlier one of its conversation is there: nobody can have begun it.
      return endTooOld(queued, false);
    },
  };
}
