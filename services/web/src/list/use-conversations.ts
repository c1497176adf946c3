import { useConversationList, type ConversationListView } from "@parley/react";
import { useCallback, useEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore } from "react";
import type { ConversationEntry } from "../api/answers.ts";
import { useApi } from "../api/use-api.ts";
import { isUnread, type SeenStore } from "./seen.ts";

/** The list as it is shown: what the server says, and what this page has just done to it. */
export interface Conversations extends Pick<
  ConversationListView<ConversationEntry>,
  "items" | "status" | "error" | "hasMore" | "loadMore" | "refresh" | "reload"
> {
  /** What stands in the search field. */
  readonly query: string;
  readonly setQuery: (query: string) => void;
  /** What the items were found for. */
  readonly found: string;
  /** What is shown was there a moment ago; that it cannot be asked for now is no reason to say nothing else. */
  readonly hasLoaded: boolean;
  /** An answer for another query is on its way. */
  readonly isSearching: boolean;
  readonly isUnread: (entry: ConversationEntry) => boolean;
  readonly rename: (entry: ConversationEntry, title: string) => Promise<void>;
  readonly remove: (entry: ConversationEntry) => Promise<void>;
}

/** `currentId`: the conversation that is open; what happens in it is seen. */
export function useConversations(seen: SeenStore, currentId: string | undefined): Conversations {
  const [query, setQuery] = useState("");
  const asked = useSettled(query.trim(), query.trim() === "" ? 0 : searchAfterMs);
  const settle = useSeenOnes(seen, currentId);
  const view = useConversationList({ loadPage: useLoadPage(asked, settle) });
  const shown = useLastReady(view, asked);
  const changes = useChanges(view.reload);
  const items = useMemo(() => changes.apply(shown.view.items), [changes, shown.view.items]);
  const marks = useSyncExternalStore(seen.subscribe, seen.read, seen.read);
  return {
    ...shown.view,
    items,
    loadMore: view.loadMore,
    refresh: view.refresh,
    reload: view.reload,
    query,
    setQuery,
    found: shown.query,
    hasLoaded: shown.hasLoaded,
    isSearching: shown.query !== asked || query.trim() !== asked,
    // Where the server counts what was not read, on any device, this browser need not guess.
    isUnread: ({ conversation_id, updated_at, unread }) =>
      conversation_id !== currentId &&
      (unread === undefined ? isUnread(marks, conversation_id, updated_at) : unread > 0),
    rename: changes.rename,
    remove: changes.remove,
  };
}

/** Typing pauses for so long before the server is asked. */
const searchAfterMs = 250;

function useSettled(value: string, afterMs: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), afterMs);
    return () => clearTimeout(timer);
  }, [value, afterMs]);
  return settled;
}

type Settle = (entries: readonly ConversationEntry[], askedAtMs: number) => void;

function useLoadPage(q: string, settle: Settle) {
  const api = useApi();
  return useCallback(
    async (cursor?: string) => {
      const askedAtMs = performance.now();
      const { conversations, next_cursor: next } = await api.listConversations({ cursor, q });
      settle(conversations, askedAtMs);
      return { items: conversations, cursor: next };
    },
    [api, q, settle],
  );
}

/**
 * Marks what is open as seen, and what was left a moment ago: the list says of that one when it last changed only with the next answer. No clock of this
 * browser is compared with the server's.
 */
function useSeenOnes(seen: SeenStore, currentId: string | undefined): Settle {
  const open = useRef(currentId);
  const [left] = useState(() => new Map<string, number>());
  useEffect(() => {
    open.current = currentId;
    return () => {
      if (currentId !== undefined) left.set(currentId, performance.now());
    };
  }, [currentId, left]);
  return useCallback(
    (entries, askedAtMs) => {
      for (const { conversation_id: id, updated_at } of entries) {
        const leftAtMs = left.get(id);
        const isOpen = id === open.current && !document.hidden;
        if (!isOpen && leftAtMs === undefined) continue;
        seen.mark(id, updated_at);
        if (leftAtMs !== undefined && leftAtMs <= askedAtMs) left.delete(id);
      }
    },
    [seen, left],
  );
}

/** While another query is answered the list before it stays: no flicker at each letter. */
function useLastReady(view: ConversationListView<ConversationEntry>, query: string) {
  const [last, setLast] = useState({ view, query, hasLoaded: false });
  if (view.status === "loading") return last;
  const isNew = last.view !== view || last.query !== query;
  if (!isNew) return last;
  const next = { view, query, hasLoaded: view.status === "ready" || (last.hasLoaded && last.query === query) };
  setLast(next);
  return next;
}

/** What was done here and the server's list does not say yet. */
function useChanges(reload: () => void) {
  const api = useApi();
  const [version, again] = useReducer((count: number) => count + 1, 0);
  /** By the entry as it was: with the server's next word about it the change is over. */
  const renamed = useRef(new WeakMap<ConversationEntry, string>());
  /** When what is gone had changed last: whoever writes in it again begins it anew, and then it is in the list again. */
  const removed = useRef(new Map<string, number>());
  return useMemo(() => {
    const titled = (entry: ConversationEntry): ConversationEntry => {
      const title = renamed.current.get(entry);
      return title === undefined ? entry : { ...entry, title };
    };
    return {
      version,
      apply: (items: readonly ConversationEntry[]): readonly ConversationEntry[] => {
        const left = items.filter(
          ({ conversation_id, updated_at }) => updated_at > (removed.current.get(conversation_id) ?? -Infinity),
        );
        return left.length === items.length && left.every((entry) => !renamed.current.has(entry))
          ? items
          : left.map(titled);
      },
      rename: async (entry: ConversationEntry, title: string): Promise<void> => {
        const kept = await api.renameConversation(entry.conversation_id, title);
        renamed.current.set(entry, kept);
        again();
        reload();
      },
      remove: async ({ conversation_id: id, updated_at: atMs }: ConversationEntry): Promise<void> => {
        await api.deleteConversation(id);
        removed.current.set(id, atMs);
        again();
        reload();
      },
    };
  }, [api, reload, version]);
}
