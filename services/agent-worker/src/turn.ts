import type { Bus, ToolCatalogue } from "@parley/bus";
import {
  ChatError,
  messageIdOf,
  subjects,
  toChatError,
  type LogRecord,
  type Outcome,
  type TurnRequest,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { FencedError, createChain, type Chain } from "./chain.ts";
import { cancelledOutcome, completeOutcome, endTurn, errorOutcome } from "./ending.ts";
import type { ModelStep } from "./model-step.ts";
import type { createToolCalls } from "./tool-calls.ts";
import type { CommittedStep, TurnFold } from "./turn-fold.ts";
import { TurnCancelled, TurnHandedOver } from "./turn-stop.ts";

export interface TurnLimits {
  /** Model calls of one turn; the last one gets no tools, so it must answer. */
  readonly maxSteps: number;
  /** Workers that may be lost over one turn before it ends with WORKER_LOST. */
  readonly maxAttempts: number;
  /** Least time between two appends of text. */
  readonly tokenFlushMs: number;
  /** How long an append is tried before the worker fences itself. */
  readonly appendGiveUpMs: number;
  /** Messages of the transcript that are looked at for context. */
  readonly historyMessages: number;
}

export interface TurnDeps {
  readonly bus: Bus;
  readonly modelStep: ModelStep;
  readonly toolCalls: ReturnType<typeof createToolCalls>;
  readonly catalogue: Pick<ToolCatalogue, "list">;
  readonly limits: TurnLimits;
  readonly agent: string;
  readonly log: Logger;
}

/** A claimed turn in the hands of this worker. */
export interface ClaimedTurn {
  readonly request: TurnRequest;
  readonly fold: TurnFold;
  readonly attempt: number;
  /** Aborted with TurnCancelled, TurnHandedOver, FencedError, or a ChatError when the turn's time is over. */
  readonly stop: AbortController;
}

/** A record of this very turn: its events have expired, but its message came once more. */
function outcomeOfRecord(record: LogRecord): Outcome {
  const { message: response, message_id, tool_calls = [], usage = { input_tokens: 0, output_tokens: 0 } } = record;
  const common = { response, message_id, tool_calls, usage };
  if (record.status === "complete") return { type: "complete", ...common, metadata: record.metadata ?? {} };
  if (record.status === "cancelled") return { type: "cancelled", ...common, reason: "cancelled" };
  const error = new ChatError(record.code ?? "PROCESSING_ERROR");
  return { type: "error", ...common, error: error.message, code: error.code, retryable: error.retryable };
}

/**
 * Runs a claimed turn to its end, or until it is handed over. Resolves with what became of it; throws FencedError when it now belongs to
 * another worker, or whatever kept the ending from being stored (then the turn is delivered again).
 */
export function createTurn(deps: TurnDeps) {
  const { bus, modelStep, toolCalls, catalogue, limits, log } = deps;

  const openChain = ({ request, fold, attempt, stop }: ClaimedTurn): Chain => {
    const { conversation_id: conversationId, turn_id: turnId } = request;
    return createChain({
      events: bus.events,
      subject: subjects.agent(bus.events.shardOf(conversationId), conversationId, turnId),
      conversationId,
      turnId,
      attempt,
      fold,
      flushMs: limits.tokenFlushMs,
      giveUpMs: limits.appendGiveUpMs,
      onFenced: (error) => stop.abort(error),
    });
  };

  const toolRun = async ({ request, fold, stop }: ClaimedTurn, step: CommittedStep) => {
    const definitions = await catalogue.list();
    return {
      request,
      fold,
      calls: step.calls,
      definitionOf: (name: string) => definitions.find((tool) => tool.name === name || tool.aliases.includes(name)),
      signal: stop.signal,
    };
  };

  const runTools = async (turn: ClaimedTurn, chain: Chain, step: CommittedStep): Promise<void> => {
    for (const { call_id, tool_name, arguments: args } of step.calls) {
      if (!turn.fold.started.has(call_id)) chain.push({ type: "tool_call_start", call_id, tool_name, arguments: args });
    }
    await chain.stored();
    await toolCalls.runAll(await toolRun(turn, step));
    turn.stop.signal.throwIfAborted();
  };

  const announce = ({ fold }: ClaimedTurn, chain: Chain): void => {
    // A viewer that has text of the step the lost worker did not finish must drop it. Nothing to drop: nothing to say.
    if (fold.text !== fold.committedText) chain.push({ type: "turn_restarted", text: fold.committedText });
    if (fold.visible) return;
    chain.push({ type: "thinking", message: "Thinking…" });
    chain.push({ type: "progress", step: "starting", message: "Processing started" });
  };

  const answer = async (turn: ClaimedTurn, chain: Chain): Promise<Outcome> => {
    const { request, fold, stop } = turn;
    announce(turn, chain);
    const { records } = await bus.transcripts.tail(request.conversation_id, { limit: limits.historyMessages });
    const earlier = records.find((record) => record.message_id === messageIdOf(request.turn_id, "assistant"));
    if (earlier !== undefined) return outcomeOfRecord(earlier);
    const history = records.filter((record) => record.turn_id !== request.turn_id);
    for (;;) {
      const committed = fold.steps.at(-1);
      if (committed?.calls.some((call) => !fold.results.has(call.call_id)) === true)
        await runTools(turn, chain, committed);
      const mayCallTools = fold.steps.length < limits.maxSteps - 1;
      const end = await modelStep({ turn, chain, history, tools: mayCallTools ? await catalogue.list() : [] });
      stop.signal.throwIfAborted();
      if (end.kind === "answered") return completeOutcome(request, fold, { agent: deps.agent, model: end.model });
    }
  };

  /** Calls that are open when the turn ends for another reason get an end too. */
  const closeTools = async (turn: ClaimedTurn): Promise<void> => {
    const step = turn.fold.steps.at(-1);
    if (step !== undefined) await toolCalls.cancelOpen(await toolRun(turn, step));
  };

  const decide = async (turn: ClaimedTurn, chain: Chain): Promise<Outcome> => {
    const { request, fold, attempt, stop } = turn;
    if (fold.ending !== undefined) return fold.ending;
    try {
      if (fold.cancel !== undefined) throw new TurnCancelled(fold.cancel.reason);
      if (attempt - fold.released > limits.maxAttempts) throw new ChatError("WORKER_LOST");
      stop.signal.throwIfAborted();
      return await answer(turn, chain);
    } catch (thrown) {
      const reason: unknown = stop.signal.aborted ? stop.signal.reason : thrown;
      if (reason instanceof FencedError || reason instanceof TurnHandedOver) throw reason;
      chain.dropQueuedText();
      await chain.stored();
      await closeTools(turn);
      if (reason instanceof TurnCancelled) return cancelledOutcome(request, fold, reason.reason);
      const error = toChatError(reason);
      log.warn(
        { err: error, turn: request.turn_id, conversation: request.conversation_id },
        "a turn ends with an error",
      );
      return errorOutcome(request, fold, error);
    }
  };

  return async (turn: ClaimedTurn): Promise<"ended" | "handed over"> => {
    const chain = openChain(turn);
    try {
      await endTurn(turn.request, turn.fold, chain, await decide(turn, chain), bus);
      return "ended";
    } catch (error) {
      if (!(error instanceof TurnHandedOver)) throw error;
      chain.dropQueuedText();
      chain.push({ type: "released" });
      await chain.stored();
      return "handed over";
    }
  };
}
