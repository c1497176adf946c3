import { limits, type ConnectionFrame } from "@parley/protocol";

/** What a client is told to send a `ping` after, when it has sent nothing else: browsers cannot see protocol pings. */
const heartbeatMs = 20_000;

/** The first frame of the native dialect. */
export function welcomeOf({ id }: { readonly id: string }, resumeWindowMs: number): ConnectionFrame {
  return {
    type: "welcome",
    connection_id: id,
    auth_required: true,
    heartbeat_ms: heartbeatMs,
    max_message_bytes: limits.messageBytes,
    resume_window_ms: resumeWindowMs,
  };
}
