import { useEffect, useMemo, useSyncExternalStore } from "react";
import {
  createConversationList,
  type ListedConversation,
  type ListState,
  type LoadListPage,
} from "./conversation-list.ts";

export interface ConversationListOptions<Item> {
  /** Another function begins another list: keep it (`useCallback`) while the question is the same. */
  readonly loadPage: LoadListPage<Item>;
  /** How often it asks for the first page again while the page is seen. Default: 15 s. */
  readonly pollMs?: number;
}

export interface ConversationListView<Item> extends ListState<Item> {
  readonly loadMore: () => void;
  /** The first page again, and the others where that shows other conversations. */
  readonly refresh: () => void;
  /** All pages that are shown again. */
  readonly reload: () => void;
}

/** The conversations of the user, kept up to date while somebody looks. */
export function useConversationList<Item extends ListedConversation>({
  loadPage,
  pollMs = 15_000,
}: ConversationListOptions<Item>): ConversationListView<Item> {
  const list = useMemo(() => createConversationList(loadPage), [loadPage]);
  useEffect(() => pollWhileSeen(() => void list.refresh(), pollMs), [list, pollMs]);
  const state = useSyncExternalStore(list.subscribe, list.getState, list.getInitialState);
  return useMemo(
    () => ({
      ...state,
      loadMore: () => void list.loadMore(),
      refresh: () => void list.refresh(),
      reload: () => void list.reload(),
    }),
    [state, list],
  );
}

/** At once, in these intervals while the page is seen, and whenever somebody comes back to it. */
function pollWhileSeen(ask: () => void, pollMs: number): () => void {
  const askIfSeen = (): void => {
    if (!document.hidden) ask();
  };
  ask();
  const timer = setInterval(askIfSeen, pollMs);
  document.addEventListener("visibilitychange", askIfSeen);
  globalThis.addEventListener("focus", askIfSeen);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", askIfSeen);
    globalThis.removeEventListener("focus", askIfSeen);
  };
}
