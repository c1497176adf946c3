import type { Conversation, ConversationFrame, OutgoingView } from "@parley/client";
import { createView, type ConversationView, type FrameError } from "@parley/protocol/fold";
import { createStore, type StoreApi } from "zustand/vanilla";
import { oncePerFrame } from "./next-frame.ts";
import { noProgress, progressAfter, progressOfOpen, type Progress } from "./progress.ts";

/** What components see of a conversation: all of it changes together, at most once per animation frame, so that no two of them differ. */
export interface ConversationState {
  readonly view: ConversationView;
  readonly progress: Progress;
  readonly outgoing: readonly OutgoingView[];
  /** Why the server does not show the conversation: there is none with this id, it is somebody else's, or it was deleted. */
  readonly refusal: FrameError | undefined;
}

const storeOf = new WeakMap<Conversation, StoreApi<ConversationState>>();

/** Lives as long as the handle: its listeners are the handle's own. */
export function conversationStore(conversation: Conversation): StoreApi<ConversationState> {
  let store = storeOf.get(conversation);
  if (store === undefined) storeOf.set(conversation, (store = createConversationStore(conversation)));
  return store;
}

function createConversationStore(conversation: Conversation): StoreApi<ConversationState> {
  // What a server renders, and a page that takes over from it must begin with the same.
  const initial = { view: createView(conversation.id), progress: noProgress, outgoing: [], refusal: undefined };
  const store = createStore<ConversationState>(() => initial);
  let next: ConversationState = { ...initial, view: conversation.view, outgoing: conversation.outgoing() };
  store.setState(next, true);
  const publish = oncePerFrame(() => store.setState(next, true));

  function change(part: Partial<ConversationState>): void {
    next = { ...next, ...part };
    publish();
  }

  conversation.on("change", (view) => change({ view, progress: progressOfOpen(next.progress, view) }));
  conversation.on("outgoing", (outgoing) => change({ outgoing }));
  conversation.on("frame", (frame) => {
    const progress = progressAfter(next.progress, frame);
    const refusal = refusalAfter(next.refusal, frame);
    if (progress !== next.progress || refusal !== next.refusal) change({ progress, refusal });
  });
  return store;
}

function refusalAfter(refusal: FrameError | undefined, frame: ConversationFrame): FrameError | undefined {
  if (frame.type === "subscribed" || frame.type === "accepted") return undefined;
  if (frame.type !== "error" || "turn_id" in frame || frame.retryable) return refusal;
  // One with an `id` answers who wanted to delete a message.
  return frame.frame === "subscribe" || (frame.frame === "delete" && frame.id === undefined) ? frame : refusal;
}
