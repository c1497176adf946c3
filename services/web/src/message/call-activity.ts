import { useConversation } from "@parley/react";
import { useEffect, useState } from "react";

/** What is known of a call that runs, and is not stored: when it was seen to begin, and what it said last. */
export interface CallActivity {
  readonly sinceMs: number | undefined;
  readonly message: string;
}

/** To be used while the call runs. `isNew`: it was seen to begin, so that the time from now on is its time. */
export function useCallActivity(conversationId: string, callId: string, isNew: boolean): CallActivity {
  const conversation = useConversation(conversationId);
  const [activity, setActivity] = useState<CallActivity>(() => ({
    sinceMs: isNew ? Date.now() : undefined,
    message: "",
  }));
  useEffect(
    () =>
      conversation.on("frame", (frame) => {
        if (!("call_id" in frame) || frame.call_id !== callId) return;
        if (frame.type === "tool_call_progress") {
          setActivity((known) => ({ sinceMs: known.sinceMs, message: frame.message }));
        } else if (frame.type === "approval_decided") setActivity({ sinceMs: Date.now(), message: "" });
      }),
    [conversation, callId],
  );
  return activity;
}
