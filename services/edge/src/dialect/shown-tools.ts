import {
  toolCallsOf,
  type CallId,
  type FinishedToolCall,
  type StoredEvent,
  type ToolCall,
  type TurnView,
} from "@parley/protocol";
import { toldStatus } from "./told-status.ts";

/** The tool calls of a turn that a client has been told of. */
export type ShownTools = Map<CallId, "started" | "ended">;

export type ToolFrame = ({ type: "tool_call_start" } & ToolCall) | ({ type: "tool_call_end" } & FinishedToolCall);

/** The client is told of this event now. */
export function noteToolEvent(
  shown: ShownTools,
  { type, call_id }: Extract<StoredEvent, { type: "tool_call_start" | "tool_call_end" }>,
): void {
  if (type === "tool_call_end") shown.set(call_id, "ended");
  else if (!shown.has(call_id)) shown.set(call_id, "started");
}

/** What the client has not been told of the turn's calls, which counts as told now. */
export function missingToolFrames(shown: ShownTools, turn: TurnView): ToolFrame[] {
  return toolCallsOf(turn).flatMap((call) => {
    const { call_id, tool_name, arguments: args, status, result = "", duration_ms = 0 } = call;
    const before = shown.get(call_id);
    const common = { call_id, tool_name, arguments: args };
    const frames: ToolFrame[] = [];
    if (before === undefined) frames.push({ type: "tool_call_start", ...common });
    if (before !== "ended" && status !== undefined) {
      frames.push({ type: "tool_call_end", ...common, status: toldStatus(status), result, duration_ms });
    }
    shown.set(call_id, status === undefined && before !== "ended" ? "started" : "ended");
    return frames;
  });
}
