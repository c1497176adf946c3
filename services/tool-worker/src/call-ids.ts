import type { ToolJob } from "@parley/protocol";

/** What a log line says about a call, so that it can be found with its turn and its trace. */
export function idsOf({ call_id, turn_id, conversation_id, trace }: ToolJob) {
  return { call_id, turn_id, conversation_id, ...(trace === undefined ? {} : { trace_id: trace.split("-")[1] }) };
}
