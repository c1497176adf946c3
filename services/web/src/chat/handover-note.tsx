import type { Conversation } from "@parley/client";
import { useHandover } from "@parley/react";
import { useState } from "react";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";

interface HandoverNoteProps {
  readonly conversation: Conversation;
  /** Who looks at it; undefined: not known here. */
  readonly userId: string | undefined;
  /** There is something to be handed over. */
  readonly hasMessages: boolean;
  /** The conversation is nobody's to look at any more who gave it back. */
  readonly onGivenBack?: (() => void) | undefined;
}

/** Whether a person answers here; who asked for one can take that back, and who answers can give it back. */
export function HandoverNote({ conversation, userId, hasMessages, onGivenBack }: HandoverNoteProps) {
  const { chat } = useWords();
  const api = useApi();
  const sentenceOf = useErrorSentence();
  const handover = useHandover(conversation);
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const does = (work: (id: string) => Promise<void>) => () => {
    setAsking(true);
    setProblem(undefined);
    work(conversation.id)
      .catch(setProblem)
      .finally(() => setAsking(false));
  };
  const { state = "ended", operator } = handover ?? {};
  if (!hasMessages) return null;
  const isMine = state === "taken" && operator?.id === userId;
  const button = (name: string, work: (id: string) => Promise<void>) => (
    <button type="button" className="ui-button ui-button-small" disabled={isAsking} onClick={does(work)}>
      {name}
    </button>
  );
  return (
    <div className="chat-handover" role="status">
      {state === "waiting" && <span>{chat.personAsked}</span>}
      {state === "taken" && (
        <span>{isMine ? chat.youAnswer : chat.personAnswers(operator?.name ?? operator?.id ?? "")}</span>
      )}
      {state === "ended" && handover !== undefined && (
        <span>{handover.ended === "nobody came" ? chat.nobodyCame : chat.agentAnswers}</span>
      )}
      {state === "ended" && button(chat.askPerson, api.askForPerson)}
      {state !== "ended" && !isMine && button(chat.backToAgent, api.withdrawHandover)}
      {isMine && button(chat.giveBack, (id) => api.giveBack(id).then(onGivenBack))}
      {problem !== undefined && <span className="ui-error">{sentenceOf(problem)}</span>}
    </div>
  );
}
