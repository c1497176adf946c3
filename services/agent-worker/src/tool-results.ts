import type { Bus } from "@parley/bus";
import {
  fitToolCallEnd,
  subjects,
  type StepCall,
  type ToolCallEndEvent,
  type ToolStatus,
  type TurnRequest,
} from "@parley/protocol";
import { foldEvent, type TurnFold } from "./turn-fold.ts";

/** The calls of a turn, as far as their results are concerned. */
export interface CallsOfTurn {
  readonly request: TurnRequest;
  readonly fold: TurnFold;
}

export interface ResultText {
  readonly status: ToolStatus;
  readonly result: string;
  readonly durationMs: number;
}

/** Results in the log: each exists once, whoever wrote it. */
export function createToolResults({ events }: Pick<Bus, "events">) {
  const subjectOf = ({ conversation_id, turn_id }: TurnRequest, callId: string): string =>
    subjects.toolResult(events.shardOf(conversation_id), conversation_id, turn_id, callId);

  return {
    /** Stores a result unless there is one; the fold gets the one that counts. */
    async settle(
      { request, fold }: CallsOfTurn,
      call: StepCall,
      { status, result, durationMs }: ResultText,
    ): Promise<void> {
      const { conversation_id, turn_id } = request;
      const { call_id, tool_name, arguments: args } = call;
      const event: ToolCallEndEvent = {
        type: "tool_call_end",
        ...{ conversation_id, turn_id, ts: Date.now() },
        ...{ call_id, tool_name, arguments: args },
        ...{ status, result, duration_ms: Math.round(durationMs) },
      };
      const first = await events.writeOnce(subjectOf(request, call_id), event, (maxBytes) =>
        fitToolCallEnd(event, maxBytes),
      );
      foldEvent(fold, first.seq, first.event);
    },

    /** Looks whether a result is there that did not come live. The broker may be away: then it is looked for again. */
    async find({ request, fold }: CallsOfTurn, callId: string): Promise<boolean> {
      const stored = await events.last(subjectOf(request, callId)).catch(() => undefined);
      if (stored !== undefined) foldEvent(fold, stored.seq, stored.event);
      return fold.results.has(callId);
    },
  };
}
