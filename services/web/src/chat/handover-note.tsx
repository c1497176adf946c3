import type { Conversation } from "@parley/client";
import type { Handover } from "@parley/protocol/fold";
import { useHandover } from "@parley/react";
import { useState } from "react";
import { useApi, useErrorSentence } from "../api/use-api.ts";
import { useWords } from "../words/use-words.ts";

interface HandoverNoteProps {
  readonly conversation: Conversation;
  /** Who looks at it. Undefined: it is not known here, and a person can only be asked for in words. */
  readonly userId: string | undefined;
  /** False: people are here already, and only what has become of such a wish is told. */
  readonly mayAsk?: boolean;
  /** The conversation is nobody's to look at any more who gave it back. */
  readonly onGivenBack?: (() => void) | undefined;
}

/** Whether a person answers here; who asked for one can take that back, and who answers can give it back. */
export function HandoverNote({ conversation, userId, mayAsk = true, onGivenBack }: HandoverNoteProps) {
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
  if ((userId === undefined || !mayAsk) && handover === undefined) return null;
  const { says, name, work } = noteOf(handover, { userId, chat, api, onGivenBack });
  return (
    <div className="chat-handover" role="status">
      {says !== undefined && <span>{says}</span>}
      <button type="button" className="ui-button ui-button-small" disabled={isAsking} onClick={does(work)}>
        {name}
      </button>
      {problem !== undefined && <span className="ui-error">{sentenceOf(problem)}</span>}
    </div>
  );
}

interface NoteDeps extends Pick<HandoverNoteProps, "userId" | "onGivenBack"> {
  readonly chat: ReturnType<typeof useWords>["chat"];
  readonly api: ReturnType<typeof useApi>;
}

/** What there is to be said of it, and to be done about it. */
function noteOf(handover: Handover | undefined, { userId, chat, api, onGivenBack }: NoteDeps) {
  const { state = "ended", operator = { id: "", name: undefined }, ended } = handover ?? {};
  const back = { name: chat.backToAgent, work: api.withdrawHandover };
  if (state === "waiting") return { says: chat.personAsked, ...back };
  if (state === "taken" && operator.id === userId) {
    return { says: chat.youAnswer, name: chat.giveBack, work: (id: string) => api.giveBack(id).then(onGivenBack) };
  }
  if (state === "taken") return { says: chat.personAnswers(operator.name ?? operator.id ?? ""), ...back };
  const over = ended === "nobody came" ? chat.nobodyCame : chat.agentAnswers;
  return { says: handover === undefined ? undefined : over, name: chat.askPerson, work: api.askForPerson };
}

/** Whoever has answered in it, and does so no longer, is told; nothing can be done here any more. */
export function GoneNote({ conversation, userId, onGivenBack }: HandoverNoteProps) {
  const { chat } = useWords();
  const had = useHandover(conversation)?.operator?.id;
  if (userId === undefined || had !== userId) return null;
  return (
    <div className="chat-handover" role="status">
      <span>{chat.notYoursAnyMore}</span>
      <button type="button" className="ui-button ui-button-small" onClick={onGivenBack}>
        {chat.otherConversations}
      </button>
    </div>
  );
}
