import type { ToolJob } from "@parley/protocol";

/** What a log line says about a call, so that it can be found with its turn and its trace. */
export function idsOf({ call_id, turn_id, conversation_id, trace }: ToolJob) {
  return { call_id, turn_id, conversation_id, ...(trace === undefined ? {} : { trace_id: trace.split("-")[1] }) };
}

/** Where the facts of a call are. */
export function addressOf({ conversation_id: conversation, turn_id: turn, call_id: call }: ToolJob) {
  return { conversation, turn, call };
}

/** What all that is stored of a call begins with. */
export function stamp({ conversation_id, turn_id }: ToolJob) {
  return { conversation_id, turn_id, ts: Date.now() };
}
