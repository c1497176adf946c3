import type { Conversation, SendOptions } from "@parley/client";
import type { FrameError } from "@parley/protocol";
import { limits, messages, textOf, type MessageView, type QueuedTurn } from "@parley/protocol/fold";
import {
  useConversation,
  useHistory,
  useMessages,
  useOpenTurn,
  useQueue,
  useRefusal,
  useSend,
  useView,
} from "@parley/react";
import { useMemo, useRef, useState, type KeyboardEvent, type ReactNode, type Ref } from "react";
import type { Offers } from "../api/answers.ts";
import { useApi } from "../api/use-api.ts";
import { BranchingContext } from "./branching.ts";
import { ChoicePickers } from "./choice-pickers.tsx";
import { examplesOf, sendOptionsOf, useChoice } from "./choice.ts";
import { Composer, type ComposerHandle } from "./composer.tsx";
import { ConversationHeader } from "./conversation-header.tsx";
import { EmptyState, LoadingState, RefusedState, StatePane } from "./conversation-state.tsx";
import { HandoverNote } from "./handover-note.tsx";
import { isForAnswer } from "./keys.ts";
import { MessageList, type MessageListHandle } from "./message-list.tsx";
import { useOffers } from "./offers.ts";
import { rowsOf } from "./rows.ts";
import { useBranching } from "./use-branching.ts";
import { useChosenBranch, type ChosenBranch } from "./use-chosen-branch.ts";
import { WaitingMessages } from "./waiting-messages.tsx";

export interface ConversationPageProps {
  readonly conversationId: string;
  /** Who looks at it; absent where people are not asked for. */
  readonly userId?: string | undefined;
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
  return <Pane key={props.conversationId} {...props} />;
}

function Pane({ conversationId, userId, onStarted, onNew, beginning, headerStart, headerEnd }: ConversationPageProps) {
  const conversation = useConversation(conversationId);
  const [isStartedHere] = useState(onStarted !== undefined);
  const offers = useOffers();
  const list = useRef<MessageListHandle>(null);
  const composer = useRef<ComposerHandle>(null);
  const chosen = useChosenBranch(conversation);
  const shown = useShown(conversation, isStartedHere, chosen.branch);
  const running = useRunning(conversation);
  const { send } = useSend(conversation);
  const branching = useBranching(conversation, chosen, { rows: shown.rows, running, offers, userId });

  const submit = (text: string, options: SendOptions): boolean => {
    // The banner above says that the server takes nothing, and how to begin again.
    const { leaf } = chosen.branch ?? {};
    if (!send(text, leaf === undefined ? options : { ...options, parent: leaf })) return false;
    if (shown.isEmpty) onStarted?.(conversationId);
    list.current?.toEnd();
    return true;
  };
  // What was deleted can be begun anew; what one may not see, or what never was, cannot be written to.
  const mayWrite = shown.phase !== "refused" || shown.refusal?.frame === "delete";
  return (
    // A click on a text gives it the focus, so that Esc comes here.
    <section className="chat-page" tabIndex={-1} onKeyDown={(event) => stopByKey(event, running)}>
      <ConversationHeader
        conversation={conversation}
        phase={shown.phase}
        beginning={beginning ?? shown.beginning}
        agent={shown.agent}
        start={headerStart}
        end={headerEnd}
      />
      <BranchingContext value={branching}>
        <Body
          conversation={conversation}
          shown={shown}
          list={list}
          examples={examplesOf(offers?.agents ?? [])}
          onExample={(text) => composer.current?.fill(text)}
          onNew={onNew}
        />
      </BranchingContext>
      {userId === undefined || shown.phase === "refused" ? null : (
        <HandoverNote conversation={conversation} userId={userId} hasMessages={shown.phase === "messages"} />
      )}
      {mayWrite ? (
        <Foot
          ref={composer}
          conversation={conversation}
          shown={shown}
          running={running}
          offers={offers}
          draftOf={shown.isEmpty && isStartedHere ? "new" : conversationId}
          onSend={submit}
          onFocusLost={() => composer.current?.focus()}
        />
      ) : null}
    </section>
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
  readonly list: Ref<MessageListHandle>;
  readonly examples: readonly string[];
  readonly onExample: (text: string) => void;
  readonly onNew: (() => void) | undefined;
}

/** At most so many examples: they show what can be asked, they are no menu. */
const maxExamples = 4;

function Body({ conversation, shown, list, examples, onExample, onNew }: BodyProps) {
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
  return <MessageList ref={list} conversationId={conversation.id} rows={shown.rows} history={shown.history} />;
}

const none: readonly MessageView[] = [];

type Running = ReturnType<typeof useRunning>;

type Shown = ReturnType<typeof useShown>;

/** All that the pane shows of the conversation, from its view and from nowhere else. */
function useShown(conversation: Conversation, isStartedHere: boolean, chosen: ChosenBranch | undefined) {
  const api = useApi();
  const refusal = useRefusal(conversation);
  const view = useMessages(conversation);
  const isKnown = useView(conversation, hasCursor);
  const queue = useQueue(conversation);
  const { outgoing } = useSend(conversation);
  const history = useHistory(conversation, (before, leaf) =>
    api.messages(conversation.id, before, leaf === undefined ? {} : { leaf }),
  );
  const waiting = useMemo(() => queue.filter(({ position }) => position > 0), [queue]);
  const next = queue.find(({ position }) => position === 0)?.turn_id;
  // Of a conversation that was deleted nothing is left, also of what had been read before.
  const older = view.length === 0 ? none : history.older;
  const rows = useMemo(() => {
    const messages = chosen?.messages ?? view;
    const before = chosen === undefined ? { older, next } : { older: none, next: undefined };
    return rowsOf({ ...before, messages, outgoing, waiting: turnsOf(waiting) });
  }, [chosen, older, view, outgoing, waiting, next]);
  const isEmpty = rows.length === 0 && waiting.length === 0;
  const phase = phaseOf({ isEmpty, refusal, isStartedHere, isKnown });
  return {
    phase,
    rows,
    waiting,
    isEmpty,
    refusal,
    agent: agentOf(view),
    beginning: isStartedHere || !history.hasMore ? beginningOf(older, view) : undefined,
    history: chosen?.history ?? (isStartedHere ? undefined : history),
  } as const;
}

interface Known {
  readonly isEmpty: boolean;
  readonly refusal: FrameError | undefined;
  readonly isStartedHere: boolean;
  readonly isKnown: boolean;
}

/** What there is to see counts more than what the server said before it. */
function phaseOf({ isEmpty, refusal, isStartedHere, isKnown }: Known) {
  if (!isEmpty) return "messages";
  // That there is no such conversation is what makes it a new one.
  if (refusal !== undefined && (refusal.frame === "delete" || !isStartedHere)) return "refused";
  if (isStartedHere) return "empty";
  return isKnown ? "empty" : "loading";
}

function hasCursor({ seq }: { readonly seq: number }): boolean {
  return seq > 0;
}

function turnsOf(waiting: readonly QueuedTurn[]): ReadonlySet<string> {
  return new Set(waiting.map(({ turn_id }) => turn_id));
}

/** Whoever answered last. */
function agentOf(shown: readonly MessageView[]): string | undefined {
  const answer = shown.findLast(({ outcome }) => outcome?.type === "complete");
  return answer?.outcome?.type === "complete" ? answer.outcome.metadata.agent : undefined;
}

/** What the conversation began with, as far as it is one line. */
function beginningOf(...known: readonly (readonly MessageView[])[]): string | undefined {
  const first = known.flat().find(({ author }) => author.role === "user");
  return first === undefined ? undefined : textOf(first.parts).trim().split("\n", 1)[0]?.slice(0, limits.titleChars);
}

function lastOwn(conversation: Conversation): string | undefined {
  const own = messages(conversation.view).findLast(({ author }) => author.role === "user");
  return own === undefined ? undefined : textOf(own.parts);
}

/** Whether an answer runs, and how it is stopped: once, and that is told until its end has come. */
function useRunning(conversation: Conversation) {
  const turnId = useOpenTurn(conversation)?.turn_id;
  const [stopped, setStopped] = useState<string>();
  const state = turnId === undefined ? "no" : turnId === stopped ? "stopping" : "yes";
  const stop = () => {
    if (turnId === undefined || state !== "yes") return;
    setStopped(turnId);
    conversation.cancel(turnId);
  };
  return { state, stop } as const;
}
