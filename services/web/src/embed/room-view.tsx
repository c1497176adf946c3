import { useConnection, useConversation, useMessages, useRefusal } from "@parley/react";
import type { MessageView } from "@parley/protocol/fold";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { ConversationPage } from "../chat/conversation-page.tsx";
import { useSecondsTo } from "../ui/use-seconds-to.ts";
import { useWords } from "../words/use-words.ts";
import type { KeptStore } from "./kept.ts";
import { endedAnswers, lastSeen, unreadAnswers } from "./unread.ts";

/** An answer that has ended; the detail of `parley-message`. */
export interface Answer {
  readonly conversationId: string;
  readonly messageId: string;
  readonly status: string;
}

interface RoomViewProps {
  readonly conversationId: string;
  /** Whose token it is, once the server has said; for names of others. */
  readonly viewerId: string | undefined;
  /** Nothing was written in it when it was opened here. */
  readonly isNew: boolean;
  readonly isOpen: boolean;
  readonly kept: KeptStore;
  readonly onUnread: (count: number) => void;
  readonly onAnswer: (answer: Answer) => void;
  /** Somebody has written in it. */
  readonly onStarted: () => void;
  readonly onNew: () => void;
  /** It is not there any more, or belongs to whoever used this browser before. */
  readonly onRefused: (isMissing: boolean) => void;
}

/** The conversation while the window is open, and always what comes in it: a closed window renders no tokens. */
export function RoomView(props: RoomViewProps) {
  const { conversationId, viewerId, isNew, isOpen, onRefused, onStarted, onNew } = props;
  const conversation = useConversation(conversationId);
  const refusal = useRefusal(conversation);
  const messages = useMessages(conversation);
  useEffect(() => {
    if (refusal?.code === "FORBIDDEN" || refusal?.code === "NOT_FOUND") onRefused(refusal.code === "NOT_FOUND");
  }, [refusal, onRefused]);
  useUnread(messages, props);
  useAnswers(messages, props);
  if (!isOpen) return null;
  return (
    <>
      <Connection />
      <ConversationPage
        conversationId={conversationId}
        viewerId={viewerId}
        // Says to it that there is nothing to wait for.
        onStarted={isNew ? onStarted : undefined}
        onNew={onNew}
      />
    </>
  );
}

function seenIn(kept: KeptStore, conversationId: string): string | undefined {
  const told = kept.read();
  return told?.conversation === conversationId ? told.seen : undefined;
}

function useUnread(messages: readonly MessageView[], props: RoomViewProps): void {
  const { conversationId, isOpen, kept, onUnread, onStarted } = props;
  const seen = useSyncExternalStore(kept.onOther, () => seenIn(kept, conversationId));
  useEffect(() => {
    if (messages.length === 0) return;
    onStarted();
    const last = isOpen ? (lastSeen(messages) ?? seen) : seen;
    if (kept.read()?.conversation !== conversationId || last !== seen)
      kept.write({ conversation: conversationId, seen: last });
    onUnread(unreadAnswers(messages, last).length);
  }, [messages, conversationId, isOpen, kept, onUnread, onStarted, seen]);
}

function useAnswers(messages: readonly MessageView[], { conversationId, onAnswer }: RoomViewProps): void {
  /** Undefined: nothing was there yet, and what comes first is old. */
  const told = useRef<Set<string> | undefined>(undefined);
  useEffect(() => {
    if (messages.length === 0) return;
    const ended = endedAnswers(messages);
    const before = told.current;
    told.current = new Set(ended.map(({ message_id }) => message_id));
    if (before === undefined) return;
    for (const { message_id: messageId, status } of ended)
      if (!before.has(messageId)) onAnswer({ conversationId, messageId, status });
  }, [messages, conversationId, onAnswer]);
}

/** Only where something is wrong. */
function Connection() {
  const { connection: words } = useWords().app;
  const { state, isOnline, retryAtMs, retryNow } = useConnection();
  const seconds = useSecondsTo(retryAtMs);
  if (isOnline && state.name !== "waiting") return null;
  return (
    <div className="embed-connection" role="status" aria-label={words.name}>
      {/* Each second another number: ears hear the sentence once. */}
      <span aria-hidden={isOnline}>{isOnline ? words.retryIn(seconds) : words.offline}</span>
      {isOnline && <span className="ui-hidden">{words.retryIn(0)}</span>}
      {isOnline && (
        <button type="button" className="embed-again" onClick={retryNow}>
          {words.tryNow}
        </button>
      )}
    </div>
  );
}
