import type { Conversation } from "@parley/client";
import { textOf, type MessageView } from "@parley/protocol/fold";
import { useSend } from "@parley/react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Offers } from "../api/answers.ts";
import type { Branching, Revision } from "./branching.ts";
import { optionsNow } from "./choice.ts";
import type { Row } from "./rows.ts";
import type { useChosenBranch } from "./use-chosen-branch.ts";
import { useIsHandedOver } from "./use-handed-over.ts";

interface Shown {
  readonly rows: readonly Row[];
  readonly running: { readonly state: "no" | "yes" | "stopping" };
  readonly offers: Offers | undefined;
  readonly userId: string | undefined;
}

/** What rows do with their turns. While an answer runs, a message is on its way, or a person answers, nothing is asked in the place of another one. */
export function useBranching(
  conversation: Conversation,
  { choose, takeFocus, problem }: ReturnType<typeof useChosenBranch>,
  { rows, running, offers, userId }: Shown,
): Branching {
  const { send, outgoing } = useSend(conversation);
  const [revision, revise] = useState<Revision>();
  const isHandedOver = useIsHandedOver(conversation);
  const isIdle = running.state === "no" && outgoing.length === 0 && !isHandedOver;
  const latest = useRef(rows);
  useEffect(() => {
    latest.current = rows;
  });
  // The same object while an answer grows: whoever has it need not be drawn again.
  return useMemo(() => {
    const askInstead = (text: string, supersedes: string) =>
      void send(text, { ...optionsNow(conversation.id, offers), supersedes });
    return {
      ...{ choose, takeFocus, problem, userId, revision, revise },
      questionOf: (turnId) => textIn(questionIn(latest.current, turnId)),
      isOwnTurn: (turnId) => questionIn(latest.current, turnId)?.author.id === userId,
      askInstead: isIdle ? askInstead : undefined,
    };
  }, [choose, takeFocus, problem, userId, revision, send, conversation, offers, isIdle]);
}

function questionIn(rows: readonly Row[], turnId: string): MessageView | undefined {
  for (const row of rows) {
    if (row.kind === "message" && row.message.turn_id === turnId && row.message.author.role === "user")
      return row.message;
  }
  return undefined;
}

function textIn(message: MessageView | undefined): string | undefined {
  return message === undefined ? undefined : textOf(message.parts);
}
