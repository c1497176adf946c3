import type { Conversation } from "@parley/client";
import { useHandover } from "@parley/react";
import { useMemo } from "react";
import type { Viewer } from "../message/viewer.ts";

/** Whether a person answers, or will: what is sent then goes to them, and no agent can be asked again. */
export function useIsHandedOver(conversation: Conversation): boolean {
  const state = useHandover(conversation)?.state;
  return state === "waiting" || state === "taken";
}

/** The same object as long as it says the same. */
export function useViewer(conversation: Conversation, id: string | undefined): Viewer {
  const { state, operator } = useHandover(conversation) ?? {};
  const isOperator = id !== undefined && state === "taken" && operator?.id === id;
  return useMemo(() => ({ id, isOperator }), [id, isOperator]);
}
