import type { Conversation, SendOptions } from "@parley/client";
import { useConversation } from "@parley/react";
import {
  useCallback,
  useEffect,
  useRef,
  useState,
  type ComponentType,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
} from "react";
import { BranchingContext, type Branching } from "./branching.ts";
import { examplesOf } from "./choice.ts";
import type { ComposerHandle } from "./composer.tsx";
import { Foot } from "./conversation-foot.tsx";
import { ConversationHeader } from "./conversation-header.tsx";
import { EmptyState, LeftState, LoadingState, RefusedState, StatePane } from "./conversation-state.tsx";
import { GoneNote, HandoverNote } from "./handover-note.tsx";
import { RoomContext } from "../message/room.ts";
import { ViewerContext } from "../message/viewer.ts";
import type { PeoplePanelProps } from "../people/people-panel.tsx";
import { useWords } from "../words/use-words.ts";
import { isForAnswer } from "./keys.ts";
import { MessageList, type MessageListHandle } from "./message-list.tsx";
import { RoomActsContext } from "./room-acts.ts";
import { RoomHeader } from "./room-header.tsx";
import { useConversationPane, type Running, type Shown } from "./use-pane.ts";
import { useAttachments } from "./use-attachments.ts";
import { useDrop } from "./use-drop.ts";
import type { Here } from "./use-room.ts";
import type { RoomPane } from "./use-room-pane.ts";

export interface ConversationPageProps {
  readonly conversationId: string;
  /** The turn at which it is opened, whichever branch that is on; absent: where somebody has read before, or at its end. */
  readonly turnId?: string | undefined;
  /** Who looks at it; absent where people are not asked for. */
  readonly userId?: string | undefined;
  /** Who looks at it, for names of others, where nobody can be asked for. */
  readonly viewerId?: string | undefined;
  /** Shows who has a part in it; absent: nobody can be asked for here. */
  readonly peoplePanel?: ComponentType<PeoplePanelProps> | undefined;
  /** The conversation is not theirs any more who look at it. */
  readonly onLeft?: (() => void) | undefined;
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
  const { conversationId, turnId, userId, viewerId = userId, onGivenBack, onStarted, onNew, onLeft = onNew } = props;
  const conversation = useConversation(conversationId);
  const [isStartedHere] = useState(onStarted !== undefined);
  const list = useRef<MessageListHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const jumpTo = useCallback((messageId: string) => list.current?.toMessage(messageId), []);
  const pane = useConversationPane(conversation, { isStartedHere, userId, viewerId, jumpTo });
  const { offers, running, branching, viewer, send, here, room } = pane;
  const left = leftBy(here, pane.shown);
  const { files, drop } = usePaneFiles(conversationId, mayWrite(left) && here.mayWrite);
  const shown = useOpened(turnId, left, pane.open);

  const submit = (text: string, options: SendOptions): boolean => {
    // The banner above says that the server takes nothing, and how to begin again.
    if (!send(text, options)) return false;
    if (shown.isEmpty) onStarted?.(conversationId);
    list.current?.toEnd();
    return true;
  };
  return (
    // A click on a text gives it the focus, so that Esc comes here.
    <section
      className="chat-page"
      tabIndex={-1}
      data-room={here.room === undefined ? undefined : ""}
      onKeyDown={(event) => stopByKey(event, running)}
      {...drop.handlers}
    >
      {drop.note}
      <Around viewer={viewer} room={room}>
        <Head {...props} {...{ conversation, here, room, jumpTo, onLeft }} shown={left} />
        <Body
          {...{ conversation, shown, turnId, branching, list }}
          examples={examplesOf(offers?.agents ?? [])}
          onExample={(text) => composer.current?.fill(text)}
          onNew={onNew}
          onFollowing={room.setAtEnd}
        />
      </Around>
      <Note {...{ conversation, userId, onGivenBack, here }} shown={left} />
      {mayWrite(left) && (
        <Foot
          {...{ conversation, shown, running, offers, here, room, files }}
          ref={composer}
          draftOf={shown.isEmpty && isStartedHere ? "new" : conversationId}
          onSend={submit}
          onFocusLost={() => composer.current?.focus()}
        />
      )}
    </section>
  );
}

function usePaneFiles(conversationId: string, mayBring: boolean) {
  const files = useAttachments(conversationId);
  const { isOver, handlers } = useDrop(mayBring ? files : undefined);
  return { files, drop: { handlers, note: isOver ? <DropNote /> : null } };
}

function DropNote() {
  const { chat } = useWords();
  return (
    <p className="chat-drop" role="status">
      {chat.files.drop}
    </p>
  );
}

/** Who decides about the conversation, or answers in it for the agent. */
function mayAskForPerson({ room, isOwner, standing }: Here): boolean {
  return room === undefined || isOwner || standing === "operator";
}

/** Whoever was a member and is none any more sees nothing of it. */
function leftBy({ isRemoved, room }: Here, shown: Shown): Shown {
  const isLeft = isRemoved || (room !== undefined && shown.refusal?.code === "FORBIDDEN");
  return isLeft ? { ...shown, phase: "left" } : shown;
}

/** Until the branch is shown that has the turn it is loading: else the list would look for it on another one. */
function useOpened(turnId: string | undefined, shown: Shown, open: (turnId: string) => Promise<void>): Shown {
  const [isOpen, setOpen] = useState(turnId === undefined);
  const isBegun = useRef(false);
  const { phase } = shown;
  useEffect(() => {
    if (turnId === undefined || phase !== "messages" || isBegun.current) return;
    isBegun.current = true;
    void open(turnId).finally(() => setOpen(true));
  }, [turnId, phase, open]);
  return isOpen || phase !== "messages" ? shown : { ...shown, phase: "loading" };
}

interface AroundProps extends Pick<ReturnType<typeof useConversationPane>, "viewer" | "room"> {
  readonly children: ReactNode;
}

/** What messages and the header know of who looks, and of who else is here. */
function Around({ viewer, room, children }: AroundProps) {
  return (
    <ViewerContext value={viewer}>
      <RoomContext value={room.scene}>
        <RoomActsContext value={room.acts}>{children}</RoomActsContext>
      </RoomContext>
    </ViewerContext>
  );
}

interface NoteProps extends Pick<ConversationPageProps, "userId" | "onGivenBack"> {
  readonly conversation: Conversation;
  readonly shown: Shown;
  readonly here: Here;
}

function Note({ conversation, shown, here, userId, onGivenBack }: NoteProps) {
  if (shown.phase !== "messages" || !mayAskForPerson(here)) return null;
  const One = isGone(shown) ? GoneNote : HandoverNote;
  return <One {...{ conversation, userId, onGivenBack }} mayAsk={here.room === undefined} />;
}

/** What was deleted can be begun anew; what one may not see, or what never was, cannot be written to. */
function mayWrite(shown: Shown): boolean {
  if (shown.phase === "left") return false;
  return (shown.phase !== "refused" || shown.refusal?.frame === "delete") && !isGone(shown);
}

/** It was seen, and may not be seen any more: whoever answered in it for the agent does so no longer. */
function isGone({ phase, refusal }: Shown): boolean {
  return phase === "messages" && refusal?.code === "FORBIDDEN";
}

interface HeadProps extends Pick<ConversationPageProps, "beginning" | "headerStart" | "headerEnd" | "peoplePanel"> {
  readonly conversation: Conversation;
  readonly shown: Shown;
  readonly here: Here;
  readonly room: RoomPane;
  readonly jumpTo: (messageId: string) => void;
  readonly onLeft: (() => void) | undefined;
}

function Head({ conversation, shown, here, room, jumpTo, ...props }: HeadProps) {
  const { beginning, headerStart, headerEnd, peoplePanel: Panel, onLeft } = props;
  const people = Panel !== undefined && shown.phase === "messages" && (
    <RoomHeader Panel={Panel} {...{ conversation, here }} pins={room.pins} onJump={jumpTo} onLeft={() => onLeft?.()} />
  );
  return (
    <ConversationHeader
      conversation={conversation}
      phase={shown.phase === "left" ? "refused" : shown.phase}
      beginning={beginning ?? shown.beginning}
      agent={shown.agent}
      start={headerStart}
      end={
        <>
          {people}
          {headerEnd}
        </>
      }
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

interface BodyProps {
  readonly conversation: Conversation;
  readonly shown: Shown;
  readonly turnId: string | undefined;
  readonly branching: Branching;
  readonly list: Ref<MessageListHandle>;
  readonly examples: readonly string[];
  readonly onExample: (text: string) => void;
  readonly onNew: (() => void) | undefined;
  readonly onFollowing: (isFollowing: boolean) => void;
}

/** At most so many examples: they show what can be asked, they are no menu. */
const maxExamples = 4;

function Body({ conversation, shown, turnId, branching, list, examples, onExample, onNew, onFollowing }: BodyProps) {
  if (shown.phase === "left") {
    return (
      <StatePane>
        <LeftState onNew={onNew} />
      </StatePane>
    );
  }
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
        onFollowing={onFollowing}
      />
    </BranchingContext>
  );
}
