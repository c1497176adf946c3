import { newestMessages } from "@parley/protocol/branches";
import { textOf, type MessageView } from "@parley/protocol/fold";
import { useConversation, useOpenTurn, useSend } from "@parley/react";
import { use } from "react";
import { isDeleted } from "../message/extras.tsx";
import type { MessageExtra } from "../message/room.ts";
import { ViewerContext } from "../message/viewer.ts";
import { Icon } from "../ui/icon.tsx";
import { CopyButton } from "../text/copy-button.tsx";
import { useWords } from "../words/use-words.ts";
import { QuestionActions, RegenerateButton } from "./branch-actions.tsx";
import { BranchingContext } from "./branching.ts";
import { optionsNow } from "./choice.ts";
import { useOffers } from "./offers.ts";
import { FeedbackActions } from "./feedback-actions.tsx";
import { RoomActions } from "./room-actions.tsx";
import { RoomActsContext } from "./room-acts.ts";
import { useIsHandedOver } from "./use-handed-over.ts";

interface MessageActionsProps {
  readonly conversationId: string;
  readonly message: MessageView;
  readonly isLast: boolean;
  readonly extra?: MessageExtra | undefined;
}

/** What can be done with a message: below it, for answers once they have ended. */
export function MessageActions({ conversationId, message, isLast, extra }: MessageActionsProps) {
  const { chat } = useWords();
  const isAnswer = message.author.role === "assistant";
  const text = extra?.changes?.message ?? textOf(message.parts);
  if ((isAnswer && message.outcome === undefined) || isDeleted(extra)) return null;
  return (
    <div className="chat-actions">
      {isAnswer ? null : <QuestionActions message={message} />}
      {text === "" ? null : (
        <span className="chat-action">
          <CopyButton text={text} name={chat.copy} />
        </span>
      )}
      {isAnswer ? <AnswerActions {...{ conversationId, message, isLast }} /> : null}
      <RoomActions message={message} extra={extra} />
    </div>
  );
}

function AnswerActions({ conversationId, message, isLast }: MessageActionsProps) {
  const { isOperator } = use(ViewerContext);
  return (
    <>
      {message.outcome?.type === "complete" && !isOperator ? (
        <FeedbackActions key={message.message_id} conversationId={conversationId} message={message} />
      ) : null}
      <AskAgain {...{ conversationId, message, isLast }} />
    </>
  );
}

function AskAgain({ conversationId, message, isLast }: MessageActionsProps) {
  const { here } = use(RoomActsContext) ?? {};
  const { isOwnTurn } = use(BranchingContext) ?? {};
  // Of what somebody else asked only they ask again.
  if (here?.room !== undefined && (!here.mayWrite || isOwnTurn?.(message.turn_id) !== true)) return null;
  if (!isLast || !mayTryAgain(message)) return <RegenerateButton message={message} />;
  return <TryAgain conversationId={conversationId} turnId={message.turn_id} />;
}

function mayTryAgain({ outcome }: MessageView): boolean {
  return outcome?.type === "cancelled" || (outcome?.type === "error" && outcome.retryable);
}

/** The same text as a message of its own, behind the answer that failed (which may be of an older branch), for whom is chosen now: that answer stays what it is. */
function TryAgain({ conversationId, turnId }: { readonly conversationId: string; readonly turnId: string }) {
  const { chat } = useWords();
  const conversation = useConversation(conversationId);
  const isBusy = useOpenTurn(conversation) !== undefined;
  const isHandedOver = useIsHandedOver(conversation);
  const { send, outgoing } = useSend(conversation);
  const offers = useOffers();
  const { questionOf } = use(BranchingContext) ?? {};
  if (isBusy || isHandedOver || outgoing.length > 0 || questionOf === undefined) return null;
  const tryAgain = () => {
    const asked = questionOf(turnId);
    const isNewest = newestMessages(conversation.view).at(-1)?.turn_id === turnId;
    const place = isNewest ? {} : { parent: turnId };
    if (asked !== undefined) send(asked, { ...optionsNow(conversationId, offers), ...place });
  };
  return (
    <button type="button" className="ui-button ui-button-small ui-button-quiet chat-action" onClick={tryAgain}>
      <Icon name="retry" />
      {chat.tryAgain}
    </button>
  );
}
