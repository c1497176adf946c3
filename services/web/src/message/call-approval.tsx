import type { ToolCallPart } from "@parley/protocol";
import { useConnection, useConversation } from "@parley/react";
import { ApprovalCard } from "./approval-card.tsx";
import type { Said } from "./approval-form.tsx";
import { useAheadMs } from "./server-clock.ts";

interface CallApprovalProps {
  readonly call: ToolCallPart;
  readonly conversationId: string;
  readonly isTurnOpen: boolean;
}

/** The question of a call of one's own conversation. */
export function CallApproval({ call, conversationId, isTurnOpen }: CallApprovalProps) {
  const conversation = useConversation(conversationId);
  const { state, isOnline } = useConnection();
  const aheadMs = useAheadMs();
  // Without a connection the client keeps the decision and sends it on the next one.
  const decide = (approved: boolean, { like_ms: like, content, ...said }: Said): Promise<unknown> =>
    conversation.approve(call.call_id, approved, {
      ...said,
      ...(like === undefined ? {} : { like }),
      ...(content === undefined ? {} : { content }),
    });
  return (
    <ApprovalCard
      call={call}
      decide={decide}
      isOver={!isTurnOpen}
      isOffline={!isOnline || state.name !== "ready"}
      aheadMs={aheadMs}
    />
  );
}
