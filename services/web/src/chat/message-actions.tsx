import { messages, textOf, type MessageView } from "@parley/protocol/fold";
import { useConversation, useOpenTurn, useSend } from "@parley/react";
import { useState, type MouseEvent } from "react";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import { copyText } from "./copy-text.ts";
import { FeedbackActions } from "./feedback-actions.tsx";

interface MessageActionsProps {
  readonly conversationId: string;
  readonly message: MessageView;
  readonly isLast: boolean;
}

/** What can be done with a message: below it, for answers once they have ended. */
export function MessageActions({ conversationId, message, isLast }: MessageActionsProps) {
  const isAnswer = message.author.role === "assistant";
  const text = textOf(message.parts);
  if (isAnswer && message.outcome === undefined) return null;
  return (
    <div className="chat-actions">
      {text === "" ? null : <CopyAction text={text} />}
      {isAnswer && message.outcome?.type === "complete" ? (
        <FeedbackActions key={message.message_id} conversationId={conversationId} message={message} />
      ) : null}
      {isAnswer && isLast && mayTryAgain(message) ? (
        <TryAgain conversationId={conversationId} turnId={message.turn_id} />
      ) : null}
    </div>
  );
}

function mayTryAgain({ outcome }: MessageView): boolean {
  return outcome?.type === "cancelled" || (outcome?.type === "error" && outcome.retryable);
}

/** How long "Copied" is read. */
const toldMs = 2_000;

function CopyAction({ text }: { readonly text: string }) {
  const { chat } = useWords();
  const [told, setTold] = useState<"copied" | "failed">();
  const onClick = async ({ currentTarget }: MouseEvent<HTMLButtonElement>) => {
    setTold((await copyText(text, currentTarget)) ? "copied" : "failed");
    setTimeout(() => setTold(undefined), toldMs);
  };
  return (
    <>
      <button
        type="button"
        className="ui-icon-button chat-action"
        aria-label={chat.copy}
        title={chat.copy}
        onClick={(event) => void onClick(event)}
      >
        <Icon name={told === "copied" ? "check" : "copy"} />
      </button>
      <span className={told === "failed" ? "ui-error" : "ui-hidden"} role="status">
        {told === "copied" ? chat.copied : told === "failed" ? chat.copyFailed : ""}
      </span>
    </>
  );
}

/** The same text as a message of its own: the answer that failed stays what it is. */
function TryAgain({ conversationId, turnId }: { readonly conversationId: string; readonly turnId: string }) {
  const { chat } = useWords();
  const conversation = useConversation(conversationId);
  const isBusy = useOpenTurn(conversation) !== undefined;
  const { send, outgoing } = useSend(conversation);
  const asked = messages(conversation.view).findLast(
    ({ turn_id, author }) => turn_id === turnId && author.role === "user",
  );
  if (isBusy || outgoing.length > 0 || asked === undefined) return null;
  return (
    <button
      type="button"
      className="ui-button ui-button-small ui-button-quiet chat-action"
      onClick={() => send(textOf(asked.parts))}
    >
      <Icon name="retry" />
      {chat.tryAgain}
    </button>
  );
}
