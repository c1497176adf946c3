import { useConnection, useConversation, useSend } from "@parley/react";
import { useErrorSentence } from "../api/use-api.ts";
import { Icon } from "../ui/icon.tsx";
import { useWords } from "../words/use-words.ts";
import type { Outgoing } from "./rows.ts";

interface OutgoingMessageProps {
  readonly conversationId: string;
  readonly outgoing: Outgoing;
}

/** A message from the moment of sending until the server has it: it must look sent at once, and say if it is not. */
export function OutgoingMessage({ conversationId, outgoing }: OutgoingMessageProps) {
  const { chat } = useWords();
  return (
    <div className="chat-row chat-row-own">
      <article className="chat-outgoing" aria-label={chat.you} data-status={outgoing.status}>
        {outgoing.text !== "" && <p className="chat-outgoing-text">{outgoing.text}</p>}
        <OutgoingFiles files={outgoing.files} />
        {outgoing.status === "failed" ? <Failed conversationId={conversationId} outgoing={outgoing} /> : <UnderWay />}
      </article>
    </div>
  );
}

/** By their names: what they show comes with the message. */
function OutgoingFiles({ files = [] }: Pick<Outgoing, "files">) {
  const { message: words } = useWords();
  return files.map((part, place) => (
    <p key={place} className="chat-outgoing-file" dir="auto">
      <Icon name="document" />
      {"name" in part && typeof part.name === "string" ? part.name : words.file.one}
    </p>
  ));
}

function UnderWay() {
  const { chat } = useWords();
  const { state, isOnline } = useConnection();
  const isConnected = isOnline && state.name === "ready";
  return (
    <p className="chat-outgoing-state" role="status">
      <Icon name={isConnected ? "clock" : "cloudOff"} />
      {isConnected ? chat.sending : chat.waitsForConnection}
    </p>
  );
}

function Failed({ conversationId, outgoing }: OutgoingMessageProps) {
  const { chat } = useWords();
  const sentence = useErrorSentence();
  const { retry, discard } = useSend(useConversation(conversationId));
  return (
    <div className="chat-outgoing-failed" role="alert">
      <p className="ui-error">
        {chat.notSent} {outgoing.error === undefined ? "" : sentence(outgoing.error)}
      </p>
      <div className="chat-outgoing-actions">
        <button type="button" className="ui-button ui-button-small" onClick={() => retry(outgoing.id)}>
          <Icon name="retry" />
          {chat.tryAgain}
        </button>
        <button
          type="button"
          className="ui-button ui-button-small ui-button-quiet"
          onClick={() => discard(outgoing.id)}
        >
          {chat.discard}
        </button>
      </div>
    </div>
  );
}
