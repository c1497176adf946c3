import type { ToolCallPart } from "@parley/protocol";
import type { IconName } from "../ui/icon.tsx";
import type { MessageWords } from "../words/message.en.ts";

export type ToolState =
  | "running"
  | "waiting"
  | "completed"
  | "failed"
  | "denied"
  | "cancelled"
  | "timeout"
  | "unknown"
  | "other";

const ended: ReadonlySet<string> = new Set<ToolState>([
  "completed",
  "failed",
  "denied",
  "cancelled",
  "timeout",
  "unknown",
]);

/** `isTurnOpen` false: of a call that has no end nothing more will be heard. */
export function toolState({ status, approval }: ToolCallPart, isTurnOpen: boolean): ToolState {
  if (status !== undefined) return isEnd(status) ? status : "other";
  if (!isTurnOpen) return "cancelled";
  return approval !== undefined && approval.approved === undefined ? "waiting" : "running";
}

function isEnd(status: string): status is ToolState {
  return ended.has(status);
}

export const toolIcons: Readonly<Record<ToolState, IconName>> = {
  running: "hourglass",
  waiting: "hand",
  completed: "checkCircle",
  failed: "alert",
  denied: "denied",
  cancelled: "close",
  timeout: "clock",
  unknown: "question",
  other: "checkCircle",
};

/** What the state means, where the word alone does not say it. */
export function toolExplanation(state: ToolState, words: MessageWords["tool"]): string | undefined {
  switch (state) {
    case "unknown":
      return words.unknownWhy;
    case "cancelled":
      return words.cancelledWhy;
    case "timeout":
      return words.timeoutWhy;
    case "denied":
      return words.deniedWhy;
    default:
      return undefined;
  }
}
