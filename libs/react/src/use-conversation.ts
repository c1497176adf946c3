import type { Conversation } from "@parley/client";
import { newestMessages, type BranchMessage } from "@parley/protocol/branches";
import type { FrameError } from "@parley/protocol/fold";
import {
  pendingApprovals,
  queue,
  type ConversationView,
  type Handover,
  type PendingApproval,
  type QueuedTurn,
  type TurnView,
} from "@parley/protocol/fold";
import { useEffect, useMemo, useReducer, useState, useSyncExternalStore } from "react";
import { conversationStore, type ConversationState } from "./conversation-store.ts";
import { handlesFor } from "./handles.ts";
import { noSteps, type ProgressStep } from "./progress.ts";
import { useClient } from "./provider.ts";

/**
 * The handle of a conversation, one for all components that name the same id. Subscribes to it on mount; the last one that is gone releases it after a
 * while, but not before what was sent has been answered.
 */
export function useConversation(id: string): Conversation {
  const handles = handlesFor(useClient());
  const [, renderAgain] = useReducer((count: number) => count + 1, 0);
  const conversation = handles.get(id);
  useEffect(() => {
    const letGo = handles.hold(id);
    // Between rendering and mounting it may have been released.
    if (handles.get(id) !== conversation) renderAgain();
    return letGo;
  }, [handles, id, conversation]);
  return conversation;
}

type IsEqual<T> = (one: T, other: T) => boolean;

/** What `select` makes of the state; the same object as before where `isEqual` says so, and then nothing is rendered. */
export function useConversationState<T>(
  conversation: Conversation,
  select: (state: ConversationState) => T,
  isEqual: IsEqual<T> = Object.is,
): T {
  const store = conversationStore(conversation);
  const [rendered] = useState(createRendered<T>);
  const read = useMemo(() => createReader(select, isEqual, rendered), [select, isEqual, rendered]);
  const value = useSyncExternalStore(
    store.subscribe,
    () => read(store.getState()),
    () => read(store.getInitialState()),
  );
  useEffect(() => rendered.note(value), [rendered, value]);
  return value;
}

interface Rendered<T> {
  readonly last: () => { readonly value: T } | undefined;
  readonly note: (value: T) => void;
}

function createRendered<T>(): Rendered<T> {
  let last: { readonly value: T } | undefined;
  return {
    last: () => last,
    note: (value) => {
      last = { value };
    },
  };
}

/** Selects once for each state. What was rendered before counts too: a component may give another function each time. */
function createReader<T>(
  select: (state: ConversationState) => T,
  isEqual: IsEqual<T>,
  rendered: Rendered<T>,
): (state: ConversationState) => T {
  let last: { readonly state: ConversationState; readonly value: T } | undefined;
  return (state) => {
    if (last?.state === state) return last.value;
    const value = select(state);
    const before = last ?? rendered.last();
    last = { state, value: before !== undefined && isEqual(before.value, value) ? before.value : value };
    return last.value;
  };
}

/** What `select` makes of the view. At most one notification per animation frame. */
export function useView<T>(conversation: Conversation, select: (view: ConversationView) => T, isEqual?: IsEqual<T>): T {
  const selectView = useMemo(() => (state: ConversationState) => select(state.view), [select]);
  return useConversationState(conversation, selectView, isEqual);
}

/** The messages of the branch of the newest turn, as far as the view has them: without branches all. Those that have not changed are the same objects. */
export function useMessages(conversation: Conversation): readonly BranchMessage[] {
  return useView(conversation, newestMessages);
}

/** What waits, in the order in which it will run. */
export function useQueue(conversation: Conversation): readonly QueuedTurn[] {
  return useView<readonly QueuedTurn[]>(conversation, queue, isSameQueue);
}

function isSameQueue(one: readonly QueuedTurn[], other: readonly QueuedTurn[]): boolean {
  return one.length === other.length && one.every((turn, at) => isSameTurn(turn, other[at]));
}

function isSameTurn(one: QueuedTurn, other: QueuedTurn | undefined): boolean {
  if (one.turn_id !== other?.turn_id || one.position !== other.position) return false;
  // A message that only the server's word tells of is made anew each time.
  return one.message === other.message || JSON.stringify(one.message) === JSON.stringify(other.message);
}

/** Calls that wait for a person. */
export function useApprovals(conversation: Conversation): readonly PendingApproval[] {
  return useView(conversation, pendingApprovals, isSameApprovals);
}

function isSameApprovals(one: readonly PendingApproval[], other: readonly PendingApproval[]): boolean {
  return one.length === other.length && one.every(({ call }, at) => call === other[at]?.call);
}

export function useTitle(conversation: Conversation): string | undefined {
  return useView(conversation, titleOf);
}

function titleOf({ title }: ConversationView): string | undefined {
  return title;
}

/** Whether a person answers in place of the agent; undefined: nobody was asked for, as far as is known. */
export function useHandover(conversation: Conversation): Handover | undefined {
  return useView(conversation, handoverOf);
}

function handoverOf({ handover }: ConversationView): Handover | undefined {
  return handover;
}

/** The turn that runs or waits for a person. */
export function useOpenTurn(conversation: Conversation): TurnView | undefined {
  return useView(conversation, openTurn);
}

function openTurn({ turns }: ConversationView): TurnView | undefined {
  return turns.find(({ status }) => status === "running" || status === "waiting");
}

/** The steps of an open turn so far, as far as they were seen here; none after its end. */
export function useProgress(conversation: Conversation, turnId: string): readonly ProgressStep[] {
  const select = useMemo(() => (state: ConversationState) => state.progress.get(turnId) ?? noSteps, [turnId]);
  return useConversationState(conversation, select);
}

/** Why the server does not show the conversation; undefined while it does, or has not said. */
export function useRefusal(conversation: Conversation): FrameError | undefined {
  return useConversationState(conversation, refusalOf);
}

function refusalOf({ refusal }: ConversationState): FrameError | undefined {
  return refusal;
}
