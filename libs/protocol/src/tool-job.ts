import { z } from "zod";
import { CallerRights } from "./caller.ts";
import { ToolCall } from "./tool-calls.ts";
import { ConversationId, TurnId, type CallId } from "./ids.ts";
import { User } from "./server-frames.ts";
import { traceParent } from "./trace.ts";

/** One tool call as work: BullMQ job id = `toolJobId`. */
export const ToolJob = ToolCall.extend({
  v: z.number().int(),
  conversation_id: ConversationId,
  turn_id: TurnId,
  user: User,
  /** Absent: an older version asked for it. */
  caller: CallerRights.optional(),
  /** The sequence of the step that committed the call, in the event stream. Absent: an older version asked for it, or it goes on long after. */
  step_seq: z.number().int().positive().optional(),
  /** The tool worker stops the call by then (its own clock), and the agent no longer waits. */
  timeout_ms: z.number().int().positive(),
  trace: traceParent(),
});
export type ToolJob = z.infer<typeof ToolJob>;

/** A call that a person has agreed to is a job once more, under another id: the one before it, which asked, may still be known to Redis. */
export function toolJobId(call: CallId, go = false): string {
  return go ? `${call}-go` : call;
}
