import type { Bus, EventAtSeq } from "@parley/bus";
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
      foldResult(fold, call, first);
    },

    /** Looks whether a result is there that did not come live. The broker may be away: then it is looked for again. */
    async find({ request, fold }: CallsOfTurn, call: StepCall): Promise<boolean> {
      const stored = await events.last(subjectOf(request, call.call_id)).catch(() => undefined);
      if (stored !== undefined) foldResult(fold, call, stored);
      return fold.results.has(call.call_id);
    },
  };
}

/** What stands in a result's place is the result, also if nobody can read it: there will be no other. */
function foldResult(fold: TurnFold, call: StepCall, { seq, event }: EventAtSeq): void {
  foldEvent(fold, seq, event);
  if (event.type === "tool_call_end") return;
  const { call_id, tool_name, arguments: args } = call;
  const result = "The result of this call cannot be read.";
  fold.results.set(call_id, { call_id, tool_name, arguments: args, status: "failed", result, duration_ms: 0 });
}
