import { z } from "zod";
import { ToolCall } from "./tool-calls.ts";
import { ConversationId, TurnId } from "./ids.ts";
import { User } from "./server-frames.ts";
import { traceParent } from "./trace.ts";

/** One tool call as work: BullMQ job id = `call_id`. */
export const ToolJob = ToolCall.extend({
  v: z.number().int(),
  conversation_id: ConversationId,
  turn_id: TurnId,
  user: User,
  /** The tool worker stops the call by then (its own clock), and the agent no longer waits. */
  timeout_ms: z.number().int().positive(),
  trace: traceParent(),
});
export type ToolJob = z.infer<typeof ToolJob>;
