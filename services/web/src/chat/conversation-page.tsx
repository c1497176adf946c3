import type { Conversation, SendOptions } from "@parley/client";
import { messages, textOf } from "@parley/protocol/fold";
import { useConversation } from "@parley/react";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode, type Ref } from "react";
import type { Offers } from "../api/answers.ts";
import { BranchingContext, type Branching } from "./branching.ts";
import { ChoicePickers } from "./choice-pickers.tsx";
import { examplesOf, sendOptionsOf, useChoice } from "./choice.ts";
import { Composer, type ComposerHandle } from "./composer.tsx";
import { ConversationHeader } from "./conversation-header.tsx";
import { EmptyState, LoadingState, RefusedState, StatePane } from "./conversation-state.tsx";
import { GoneNote, HandoverNote } from "./handover-note.tsx";
import { ViewerContext } from "../message/viewer.ts";
import { isForAnswer } from "./keys.ts";
import { MessageList, type MessageListHandle } from "./message-list.tsx";
import { useConversationPane, type Running, type Shown } from "./use-pane.ts";
import { WaitingMessages } from "./waiting-messages.tsx";

export interface ConversationPageProps {
  readonly conversationId: string;
  /** The turn at which it is opened, whichever branch that is on; absent: where somebody has read before, or at its end. */
  readonly turnId?: string | undefined;
  /** Who looks at it; absent where people are not asked for. */
  readonly userId?: string | undefined;
  readonly onGivenBack?: (() => void) | undefined;
  /** Says that the conversation is not there yet; called once, when its first message is sent. */
  readonly onStarted?: ((id: string) => void) | undefined;
  /** Begins another conversation; without it there is no button for that. */
  readonly onNew?: (() => void) | undefined;
  /** By which a list knows the conversation while it has no title. */
  readonly beginning?: string | undefined;
  readonly headerStart?: ReactNode;
  readonly headerEnd?: ReactNode;
}

/** A conversation: its messages, what waits, and the box to write in. */
export function ConversationPage(props: ConversationPageProps) {
  return <Pane key={`${props.conversationId} ${props.turnId ?? ""}`} {...props} />;
}

function Pane(props: ConversationPageProps) {
  const { conversationId, turnId, userId, onGivenBack, onStarted, onNew } = props;
  const conversation = useConversation(conversationId);
  const [isStartedHere] = useState(onStarted !== undefined);
  const list = useRef<MessageListHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const pane = useConversationPane(conversation, { isStartedHere, userId });
  const { offers, shown, running, branching, viewer, send } = pane;
  const isOpen = useOpened(turnId, shown.phase, pane.open);
  const Note = isGone(shown) ? GoneNote : HandoverNote;

  const submit = (text: string, options: SendOptions): boolean => {
    // The banner above says that the server takes nothing, and how to begin again.
    if (!send(text, options)) return false;
    if (shown.isEmpty) onStarted?.(conversationId);
    list.current?.toEnd();
    return true;
  };
  return (
    // A click on a text gives it the focus, so that Esc comes here.
    <section className="chat-page" tabIndex={-1} onKeyDown={(event) => stopByKey(event, running)}>
      <ViewerContext value={viewer}>
        <Head {...props} conversation={conversation} shown={shown} />
        <Body
          conversation={conversation}
          shown={isOpen ? shown : { ...shown, phase: "loading" }}
          turnId={turnId}
          branching={branching}
          list={list}
          examples={examplesOf(offers?.agents ?? [])}
          onExample={(text) => composer.current?.fill(text)}
          onNew={onNew}
        />
      </ViewerContext>
      {shown.phase === "messages" && <Note {...{ conversation, userId, onGivenBack }} />}
      {mayWrite(shown) && (
        <Foot
          {...{ conversation, shown, running, offers }}
          ref={composer}
          draftOf={shown.isEmpty && isStartedHere ? "new" : conversationId}
          onSend={submit}
          onFocusLost={() => composer.current?.focus()}
        />
      )}
    </section>
  );
}

/** Whether the branch is shown that has the turn; else the list would look for it on another one. */
function useOpened(turnId: string | undefined, phase: Shown["phase"], open: (turnId: string) => Promise<void>) {
  const [isOpen, setOpen] = useState(turnId === undefined);
  const isBegun = useRef(false);
  useEffect(() => {
    if (turnId === undefined || phase !== "messages" || isBegun.current) return;
    isBegun.current = true;
    void open(turnId).finally(() => setOpen(true));
  }, [turnId, phase, open]);
  return isOpen || phase !== "messages";
}

/** What was deleted can be begun anew; what one may not see, or what never was, cannot be written to. */
function mayWrite(shown: Shown): boolean {
  return (shown.phase !== "refused" || shown.refusal?.frame === "delete") && !isGone(shown);
}

/** It was seen, and may not be seen any more: whoever answered in it for the agent does so no longer. */
function isGone({ phase, refusal }: Shown): boolean {
  return phase === "messages" && refusal?.code === "FORBIDDEN";
}

interface HeadProps extends Pick<ConversationPageProps, "beginning" | "headerStart" | "headerEnd"> {
  readonly conversation: Conversation;
  readonly shown: Shown;
}

function Head({ conversation, shown, beginning, headerStart, headerEnd }: HeadProps) {
  return (
    <ConversationHeader
      conversation={conversation}
      phase={shown.phase}
      beginning={beginning ?? shown.beginning}
      agent={shown.agent}
      start={headerStart}
      end={headerEnd}
    />
  );
}

/** Esc stops the answer that runs; where something else is open it closes that, and does not come here. */
function stopByKey(event: KeyboardEvent, { state, stop }: Running): void {
  if (event.key !== "Escape" || event.nativeEvent.isComposing || event.defaultPrevented) return;
  if (state !== "yes" || !(event.target instanceof Element) || !isForAnswer(event.target, event.currentTarget)) return;
  event.preventDefault();
  event.stopPropagation();
  stop();
}

interface FootProps {
  readonly ref: Ref<ComposerHandle>;
  readonly conversation: Conversation;
  readonly shown: Shown;
  readonly running: Running;
  readonly offers: Offers | undefined;
  readonly draftOf: string;
  readonly onSend: (text: string, options: SendOptions) => boolean;
  readonly onFocusLost: () => void;
}

/** What waits, and the box. */
function Foot({ ref, conversation, shown, running, offers, draftOf, onSend, onFocusLost }: FootProps) {
  const [choice, setChoice] = useChoice(conversation.id, offers);
  const send = (text: string, atOnce: boolean) =>
    onSend(text, { ...sendOptionsOf(choice), on_busy: atOnce ? "interrupt" : "enqueue" });
  return (
    <footer className="chat-foot">
      <WaitingMessages
        conversation={conversation}
        waiting={shown.waiting}
        onSend={(text) => send(text, false)}
        onFocusLost={onFocusLost}
      />
      <Composer
        ref={ref}
        draftOf={draftOf}
        running={running.state}
        onSend={send}
        onStop={running.stop}
        lastOwn={() => lastOwn(conversation)}
        pickers={<ChoicePickers offers={offers} choice={choice} onChange={setChoice} />}
      />
    </footer>
  );
}

interface BodyProps {
  readonly conversation: Conversation;
  readonly shown: Shown;
  readonly turnId: string | undefined;
  readonly branching: Branching;
  readonly list: Ref<MessageListHandle>;
  readonly examples: readonly string[];
  readonly onExample: (text: string) => void;
  readonly onNew: (() => void) | undefined;
}

/** At most so many examples: they show what can be asked, they are no menu. */
const maxExamples = 4;

function Body({ conversation, shown, turnId, branching, list, examples, onExample, onNew }: BodyProps) {
  if (shown.phase === "refused" && shown.refusal !== undefined) {
    const retry = () => void conversation.subscribe().catch(() => undefined);
    return (
      <StatePane>
        <RefusedState refusal={shown.refusal} onRetry={retry} onNew={onNew} />
      </StatePane>
    );
  }
  if (shown.phase === "loading") {
    return (
      <StatePane>
        <LoadingState />
      </StatePane>
    );
  }
  if (shown.phase === "empty") {
    return (
      <StatePane>
        <EmptyState examples={examples.slice(0, maxExamples)} onExample={onExample} />
      </StatePane>
    );
  }
  return (
    <BranchingContext value={branching}>
      <MessageList
        ref={list}
        conversationId={conversation.id}
        turnId={turnId}
        rows={shown.rows}
        history={shown.history}
      />
    </BranchingContext>
  );
}

function lastOwn(conversation: Conversation): string | undefined {
  const own = messages(conversation.view).findLast(({ author }) => author.role === "user");
  return own === undefined ? undefined : textOf(own.parts);
}
