import type { Conversation } from "@parley/client";
import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { conversationStore } from "./conversation-store.ts";
import { createHistory, type HistoryState, type LoadPage } from "./history.ts";

export interface HistoryView extends HistoryState {
  /** Asks for the page before; nothing while one is on its way, or when there is none. After a failure it asks for the same one again. */
  readonly loadOlder: () => void;
}

/** What stands before the messages of the view, a page at a time. `loadPage` without an argument gives the newest page. */
export function useHistory(conversation: Conversation, loadPage: LoadPage): HistoryView {
  const store = conversationStore(conversation);
  const history = useMemo(() => createHistory(conversation.id), [conversation]);
  const latest = useRef(loadPage);
  useEffect(() => {
    latest.current = loadPage;
  });
  useEffect(() => {
    history.look(store.getState());
    return store.subscribe(history.look);
  }, [history, store]);
  const state = useSyncExternalStore(history.subscribe, history.getState, history.getInitialState);
  return useMemo(
    () => ({ ...state, loadOlder: () => void history.loadOlder((...page) => latest.current(...page)) }),
    [state, history],
  );
}
