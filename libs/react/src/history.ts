import { leadOf, newestMessages, type BranchMessage } from "@parley/protocol/branches";
import { createView, type TranscriptMessage } from "@parley/protocol/fold";
import { createStore, type StoreApi } from "zustand/vanilla";
import type { ConversationState } from "./conversation-store.ts";

/** Stored messages, oldest first; `before` names the page before it. Without one there is none. */
export interface HistoryPage {
  readonly messages: readonly TranscriptMessage[];
  readonly before?: string | undefined;
}

/** `leaf`: of what leads to this turn; absent: of the branch of the newest one. Given only without `before`, and only where a conversation has branches. */
export type LoadPage = (before?: string, leaf?: string) => Promise<HistoryPage>;

export interface HistoryState {
  /** What stands before the messages of the view, oldest first. */
  readonly older: readonly BranchMessage[];
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  /** Why the last page could not be had; the next try clears it. */
  readonly error: unknown;
}

/**
 * What stands before the view. Pages are asked for from the newest on, so that they overlap with the view: what both have is the view's. Messages that the view
 * forgets, as it does with old turns, or when a snapshot begins later, go on here.
 */
export interface History extends StoreApi<HistoryState> {
  /** To be called with each state of the conversation. One that was deleted has no older messages. */
  readonly look: (state: Pick<ConversationState, "view" | "refusal">) => void;
  readonly loadOlder: (loadPage: LoadPage) => Promise<void>;
}

const nothing: HistoryState = { older: [], hasMore: true, isLoading: false, error: undefined };

export function createHistory(conversationId: string): History {
  const store = createStore<HistoryState>(() => nothing);
  /** As of the last view that had any. */
  let shown: readonly BranchMessage[] = [];
  let before: string | undefined;
  let lead: string | null | undefined;
  /** Counts the beginnings: what was asked for before one is of no use after it. */
  let beginnings = 0;

  function beginAnew(): void {
    before = undefined;
    shown = [];
    beginnings++;
    store.setState(nothing, true);
  }

  function look({ view, refusal }: Pick<ConversationState, "view" | "refusal">): void {
    const now = newestMessages(view);
    if (now.length === 0 && shown.length > 0 && refusal !== undefined) return beginAnew();
    // A view that begins anew is empty until its snapshot comes.
    if (now === shown || now.length === 0) return;
    const kept = stillIn(shown, now);
    if (kept < 0) beginAnew();
    // Pages that came before the view.
    if (shown.length === 0) store.setState(({ older }) => ({ older: newIn(older, now) }));
    if (kept > 0) store.setState(({ older }) => ({ older: [...older, ...shown.slice(0, kept)] }));
    shown = now;
    if ((lead = leadOf(view)) === null) store.setState({ hasMore: false });
  }

  /** Returns whether the page had anything that was not there yet, or was the last. */
  function add({ messages: stored, before: next }: HistoryPage): boolean {
    const { older } = store.getState();
    const found = newIn(newestMessages({ ...createView(conversationId), transcript: stored }), [...older, ...shown]);
    before = next;
    store.setState({ older: [...found, ...older], hasMore: next !== undefined });
    return found.length > 0 || next === undefined;
  }

  return {
    ...store,
    look,
    loadOlder: async (loadPage) => {
      const { isLoading, hasMore } = store.getState();
      if (isLoading || !hasMore) return;
      store.setState({ isLoading: true, error: undefined });
      const beginning = beginnings;
      const isWanted = (): boolean => beginning === beginnings;
      const error = await failureOf(async () => {
        // The first pages may be of what the view has.
        for (let isEnough = false; !isEnough && isWanted();) {
          const page = await pageBefore(loadPage, before, lead);
          isEnough = isWanted() && add(page);
        }
      });
      if (isWanted()) store.setState({ isLoading: false, error });
    },
  };
}

/** Undefined: it went well. */
async function failureOf(work: () => Promise<void>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (fault) {
    return fault;
  }
}

function pageBefore(loadPage: LoadPage, before: string | undefined, lead: string | null | undefined) {
  return before === undefined && typeof lead === "string" ? loadPage(before, lead) : loadPage(before);
}

/** What a page has before the first that is known. What it has behind that is newer: the view has it, or is about to. */
function newIn(page: readonly BranchMessage[], known: readonly BranchMessage[]): readonly BranchMessage[] {
  const ids = new Set(known.map(({ message_id }) => message_id));
  const overlap = page.findIndex(({ message_id }) => ids.has(message_id));
  return overlap < 0 ? page : page.slice(0, overlap);
}

/** The place of the first message that is still shown; 0: nothing has gone; below 0: all has. */
function stillIn(before: readonly BranchMessage[], now: readonly BranchMessage[]): number {
  if (before.length === 0 || before[0]?.message_id === now[0]?.message_id) return 0;
  const ids = new Set(now.map(({ message_id }) => message_id));
  return before.findIndex(({ message_id }) => ids.has(message_id));
}
