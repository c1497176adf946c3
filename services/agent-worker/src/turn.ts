import { EventTooLargeError, type Bus } from "@parley/bus";
import { ChatError, outcomeOf, subjects, toChatError, type Outcome, type RecordFormat } from "@parley/protocol";
import { callerHash } from "@parley/protocol/approval-hash";
import type { Logger } from "@parley/runtime";
import type { Answer, AnswerEnd } from "./answer.ts";
import { createChain, type Chain } from "./chain.ts";
import { idsOf, type ClaimedTurn } from "./claimed-turn.ts";
import { cancelledOutcome, createEnding, errorOutcome, type EndingDeps } from "./ending.ts";
import { FencedError } from "./fenced-append.ts";
import { tooLargeSentence } from "./outcome-size.ts";
import { TurnCancelled, TurnHandedOver } from "./turn-stop.ts";
import type { TurnUsage } from "./turn-usage.ts";

export interface TurnDeps {
  readonly bus: Bus;
  readonly answer: Answer;
  /** Workers that may be lost over one turn before it ends with WORKER_LOST. */
  readonly maxAttempts: number;
  /** Least time between two appends of text, at this moment. */
  readonly tokenFlushMs: () => number;
  /** How long an append is tried before the worker fences itself. */
  readonly appendGiveUpMs: number;
  /** How the transcript is written. */
  readonly recordFormat: RecordFormat;
  readonly onEnded: EndingDeps["onEnded"];
  /** Counts what turns use. */
  readonly usage: Pick<TurnUsage, "open" | "settle">;
  readonly log: Logger;
}

/** Attempts that count: those of workers that were lost, and this one. */
function attemptsOf({ attempt: all, fold }: ClaimedTurn): number {
  return all - fold.released;
}

const beginningLostSentence =
  "The worker that was answering was lost, and the beginning of its answer is no longer kept.";

function isNotAnEnd(reason: unknown): boolean {
  return reason instanceof FencedError || reason instanceof TurnHandedOver;
}

function tooLargeForBroker(cause: EventTooLargeError): ChatError {
  return new ChatError("PROCESSING_ERROR", { message: tooLargeSentence, cause });
}

/** Not the turn's fault: the broker did not answer a look-up, or we have a bug. Another attempt may do better; the last one says so. */
function mayPass(reason: unknown): boolean {
  const isOurs = reason instanceof TurnCancelled || reason instanceof ChatError;
  return !isOurs || (reason instanceof ChatError && reason.code === "OVERLOADED");
}

function openChain(
  { request, fold, attempt, stop }: ClaimedTurn,
  { bus: { events }, tokenFlushMs, appendGiveUpMs }: TurnDeps,
): Chain {
  const { conversation_id: conversationId, turn_id: turnId } = request;
  return createChain({
    events,
    subject: subjects.agent(events.shardOf(conversationId), conversationId, turnId),
    ...{ conversationId, turnId, attempt, fold },
    flushMs: tokenFlushMs,
    giveUpMs: appendGiveUpMs,
    onFenced: (error) => stop.abort(error),
    onTooLarge: (error) => stop.abort(tooLargeForBroker(error)),
  });
}

/** How it ended before its events were forgotten: nothing else may be decided then, and viewers are to have what the transcript has. */
async function recordedEnd({ request, fold, history }: ClaimedTurn, chain: Chain): Promise<Outcome | undefined> {
  if (!fold.mayHaveEnded) return undefined;
  const record = (await history).find(({ turn_id }) => turn_id === request.turn_id)?.answer;
  if (record === undefined) return undefined;
  // Viewers may have text of attempts that no log has any more.
  if (fold.forgotten || fold.text !== record.message) chain.push({ type: "turn_restarted", text: record.message });
  return outcomeOf(record);
}

const noUsage = { input_tokens: 0, output_tokens: 0 };

/** What comes first where the chain was lost. Before anything else is told: a chain that has its beginning has these steps, for whoever takes over from here. */
async function beginAnew({ fold, request }: ClaimedTurn, chain: Chain): Promise<void> {
  // Viewers may have text that no log has any more: whatever becomes of the turn, the transcript will not have it.
  if (fold.forgotten) chain.push({ type: "turn_restarted", text: fold.text });
  const steps = fold.rebuilt;
  if (steps.length > 0) {
    fold.rebuilt = [];
    const caller_hash = callerHash(request);
    for (const { step, calls } of steps)
      chain.push({ type: "step", step, tool_calls: [...calls], usage: noUsage, caller_hash });
  }
  if (fold.forgotten || steps.length > 0) await chain.stored();
}

/** `waiting`: for a person; nobody is to hold it meanwhile. */
export type TurnEnd = "ended" | "waiting" | "handed over";

/**
 * Runs a claimed turn to its end, until it waits for a person, or until it is handed over. Resolves with what became of it; throws FencedError when it now belongs to
 * another worker, or whatever kept the ending from being stored (then the turn is delivered again).
 */
export function createTurn(deps: TurnDeps) {
  const { bus, answer, maxAttempts, recordFormat, usage, onEnded, log } = deps;
  const end = createEnding({ transcripts: bus.transcripts, recordFormat, settle: usage.settle, onEnded });

  const answerOrThrow = async (turn: ClaimedTurn, chain: Chain): Promise<AnswerEnd> => {
    const { fold, stop } = turn;
    await beginAnew(turn, chain);
    if (fold.cancel !== undefined) throw new TurnCancelled(fold.cancel.reason);
    if (attemptsOf(turn) > maxAttempts) throw new ChatError("WORKER_LOST");
    stop.signal.throwIfAborted();
    if (fold.beginningLost) {
      // Which tools it has called is not known any more, so it must not begin again. Viewers are to have what the transcript will have.
      chain.push({ type: "turn_restarted", text: fold.text });
      throw new ChatError("WORKER_LOST", { message: beginningLostSentence });
    }
    return answer.run(turn, chain);
  };

  const decide = async (turn: ClaimedTurn, chain: Chain): Promise<AnswerEnd> => {
    const decided = turn.fold.ending ?? (await recordedEnd(turn, chain));
    if (decided !== undefined) return decided;
    try {
      return await answerOrThrow(turn, chain);
    } catch (thrown) {
      const cause: unknown = turn.stop.signal.aborted ? turn.stop.signal.reason : thrown;
      const reason = cause instanceof EventTooLargeError ? tooLargeForBroker(cause) : cause;
      if (isNotAnEnd(reason) || (mayPass(reason) && attemptsOf(turn) < maxAttempts)) throw reason;
      // After a cancel nobody shall see more. What the model said before it failed is part of the answer.
      if (reason instanceof TurnCancelled) chain.dropQueuedText();
      await chain.resume();
      await answer.closeTools(turn);
      if (reason instanceof TurnCancelled) return cancelledOutcome(turn, reason.reason);
      log.warn({ err: reason, ...idsOf(turn) }, "a turn ends with an error");
      return errorOutcome(turn, toChatError(reason));
    }
  };

  return async (claimed: ClaimedTurn): Promise<TurnEnd> => {
    const turn: ClaimedTurn = { ...claimed, spending: usage.open(claimed) };
    const chain = openChain(turn, deps);
    try {
      const decided = await decide(turn, chain);
      if (decided === "waiting") return decided;
      await end(turn, chain, decided);
      return "ended";
    } catch (error) {
      if (!(error instanceof TurnHandedOver)) throw error;
      chain.dropQueuedText();
      await chain.resume();
      chain.push({ type: "released" });
      await chain.stored();
      return "handed over";
    }
  };
}
