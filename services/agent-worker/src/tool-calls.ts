import type { Bus, ToolQueue } from "@parley/bus";
import {
  decodeEvent,
  parseEventSubject,
  subjects,
  type FinishedToolCall,
  type StepCall,
  type ToolCallEndEvent,
  type ToolDefinition,
  type TurnRequest,
} from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import { foldEvent, type TurnFold } from "./turn-fold.ts";

export interface ToolCallsDeps {
  readonly bus: Pick<Bus, "events">;
  readonly queue: ToolQueue;
  readonly log: Logger;
  /** How long a call may wait for a free tool worker, on top of the tool's own time. */
  readonly queueWaitMs: number;
}

export interface ToolRun {
  readonly request: TurnRequest;
  readonly fold: TurnFold;
  readonly calls: readonly StepCall[];
  /** Looks a tool up by its name or alias. */
  readonly definitionOf: (name: string) => ToolDefinition | undefined;
  /** Cancel, hand-over or fencing. */
  readonly signal: AbortSignal;
}

/** How often a waiting call looks whether its result was missed or its job was lost. */
const rereadMs = 1_000;

/**
 * Runs the calls of one committed step side by side, and returns when each has a result in the log. The result is written by the tool
 * worker, by this one (bad call, deadline, cancel), or was there before a takeover: whoever wrote first. Throws the signal's reason when
 * it is aborted for anything but a cancel.
 */
export function createToolCalls({ bus: { events }, queue, log, queueWaitMs }: ToolCallsDeps) {
  const resultSubject = ({ conversation_id, turn_id }: TurnRequest, callId: string): string =>
    subjects.toolResult(events.shardOf(conversation_id), conversation_id, turn_id, callId);

  /** Stores a result unless there is one; returns the one that counts. */
  const settle = async (
    run: ToolRun,
    call: StepCall,
    status: FinishedToolCall["status"],
    result: string,
    startedAt: number,
  ): Promise<void> => {
    const { conversation_id, turn_id } = run.request;
    const event: ToolCallEndEvent = {
      type: "tool_call_end",
      conversation_id,
      turn_id,
      ts: Date.now(),
      call_id: call.call_id,
      tool_name: call.tool_name,
      arguments: call.arguments,
      status,
      result,
      duration_ms: Math.round(performance.now() - startedAt),
    };
    const first = await events.writeOnce(resultSubject(run.request, call.call_id), event);
    foldEvent(run.fold, first.seq, first.event);
  };

  const readResult = async (run: ToolRun, call: StepCall): Promise<boolean> => {
    const stored = await events.last(resultSubject(run.request, call.call_id)).catch(() => undefined);
    if (stored !== undefined) foldEvent(run.fold, stored.seq, stored.event);
    return run.fold.results.has(call.call_id);
  };

  /** Adds the job. Redis may be away: the caller tries again until its deadline. Adding twice is harmless. */
  const enqueue = async (run: ToolRun, call: StepCall, timeoutMs: number): Promise<boolean> => {
    const { conversation_id, turn_id, user } = run.request;
    try {
      const { call_id, tool_name, arguments: args } = call;
      await queue.add({
        v: 1,
        call_id,
        tool_name,
        arguments: args,
        conversation_id,
        turn_id,
        user,
        timeout_ms: timeoutMs,
      });
      return true;
    } catch (err) {
      log.debug({ err, call: call.call_id }, "a tool call could not be queued yet");
      return false;
    }
  };

  const runOne = async (run: ToolRun, call: StepCall, arrived: AbortSignal): Promise<void> => {
    const startedAt = performance.now();
    if (call.problem !== undefined) return settle(run, call, "failed", call.problem, startedAt);
    const timeoutMs = run.definitionOf(call.tool_name)?.timeout_ms ?? 0;
    const deadline = startedAt + timeoutMs + queueWaitMs;
    let queued = false;
    while (performance.now() < deadline && !run.signal.aborted) {
      queued = (await enqueue(run, call, timeoutMs)) || queued;
      if (!arrived.aborted) await sleep(rereadMs, AbortSignal.any([arrived, run.signal]));
      if (run.fold.results.has(call.call_id) || (await readResult(run, call))) return;
    }
    if (run.signal.aborted) return;
    await settle(
      run,
      call,
      queued ? "timeout" : "failed",
      queued ? "The tool took too long." : "The tool queue cannot be reached.",
      startedAt,
    );
  };

  /** After a cancel every open call gets an end, and work that has not begun is dropped. */
  const cancelOpen = async (run: ToolRun): Promise<void> => {
    const open = run.calls.filter((call) => !run.fold.results.has(call.call_id));
    await Promise.all(
      open.map(async (call) => {
        await queue
          .remove(call.call_id)
          .catch((err: unknown) => log.debug({ err }, "a cancelled call stays queued; its worker will see the result"));
        await settle(run, call, "cancelled", "Cancelled.", performance.now());
      }),
    );
  };

  return {
    cancelOpen,

    async runAll(run: ToolRun): Promise<void> {
      const { conversation_id, turn_id } = run.request;
      const open = run.calls.filter((call) => !run.fold.results.has(call.call_id));
      const arrivals = new Map(open.map((call) => [call.call_id, new AbortController()]));
      const subscription = events.subscribe(
        subjects.liveToolResults(events.shardOf(conversation_id), conversation_id, turn_id),
        (message) => {
          const callId = parseEventSubject(message.subject)?.channel.split(".")[1] ?? "";
          foldEvent(run.fold, message.seq, decodeEvent(message.data));
          arrivals.get(callId)?.abort();
        },
      );
      try {
        // The subscription must be at the broker before a job can be anywhere.
        await events.flush();
        await Promise.all(open.map((call) => runOne(run, call, arrivals.get(call.call_id)?.signal ?? run.signal)));
      } finally {
        subscription.unsubscribe();
      }
    },
  };
}
