import { createStore, type StoreApi } from "zustand/vanilla";

/** What a list needs to know of an entry. */
export interface ListedConversation {
  readonly conversation_id: string;
}

export interface ListPage<Item> {
  readonly items: readonly Item[];
  /** Names the page behind it; without one there is none. */
  readonly cursor?: string | undefined;
}

export type LoadListPage<Item> = (cursor?: string) => Promise<ListPage<Item>>;

export interface ListState<Item> {
  /** As the server orders them: newest first. An entry that has not changed is the same object. */
  readonly items: readonly Item[];
  /** `error`: the last try failed; the items are those of the last that did not. */
  readonly status: "loading" | "ready" | "error";
  readonly error: unknown;
  readonly hasMore: boolean;
}

export interface ConversationList<Item> extends StoreApi<ListState<Item>> {
  /** The first page again. What is shown of others stays. */
  readonly refresh: () => Promise<void>;
  /** The first pages again, as many as are shown. */
  readonly reload: () => Promise<void>;
  readonly loadMore: () => Promise<void>;
}

export function createConversationList<Item extends ListedConversation>(
  loadPage: LoadListPage<Item>,
): ConversationList<Item> {
  const store = createStore<ListState<Item>>(() => ({
    items: [],
    status: "loading",
    error: undefined,
    hasMore: false,
  }));
  let cursor: string | undefined;
  let pages = 1;
  /** One at a time, in order: a page that was asked for earlier must not replace a later one. */
  let work: Promise<void> = Promise.resolve();
  /** What is waited for already is not asked for again. */
  const queued = new Set<string>();

  function once(name: string, task: () => Promise<void>): Promise<void> {
    if (queued.has(name)) return work;
    queued.add(name);
    return inTurn(() => {
      queued.delete(name);
      return task();
    });
  }

  function inTurn(task: () => Promise<void>): Promise<void> {
    work = work.then(task).catch((error: unknown) => store.setState({ status: "error", error }));
    return work;
  }

  function show(found: readonly Item[], next: string | undefined): void {
    cursor = next;
    const { items: before, status } = store.getState();
    const items = keeping(before, withoutRepeats(found));
    const hasMore = next !== undefined;
    if (items === before && status === "ready" && store.getState().hasMore === hasMore) return;
    store.setState({ items, status: "ready", error: undefined, hasMore });
  }

  return {
    ...store,
    refresh: () =>
      once("refresh", async () => {
        const { items, cursor: next } = await loadPage();
        if (pages === 1 || next === undefined) return show(items, next);
        show([...items, ...behind(store.getState().items, items)], cursor);
      }),
    reload: () =>
      once("reload", async () => {
        const { items, cursor: next } = await firstPages(loadPage, pages);
        show(items, next);
      }),
    loadMore: () =>
      inTurn(async () => {
        if (cursor === undefined) return;
        const { items, cursor: next } = await loadPage(cursor);
        pages++;
        show([...store.getState().items, ...items], next);
      }),
  };
}

async function firstPages<Item>(loadPage: LoadListPage<Item>, count: number): Promise<ListPage<Item>> {
  const items: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < count; page++) {
    const found = await loadPage(cursor);
    items.push(...found.items);
    cursor = found.cursor;
    if (cursor === undefined) break;
  }
  return { items, cursor };
}

/** What was shown behind a page that is here anew. What stood between its entries and is not in it any more is gone. */
function behind<Item extends ListedConversation>(shown: readonly Item[], page: readonly Item[]): readonly Item[] {
  const ids = new Set(page.map(({ conversation_id }) => conversation_id));
  const last = shown.findLastIndex(({ conversation_id }) => ids.has(conversation_id));
  return shown.slice(last + 1);
}

/** An entry that moved to the front while pages were read stands where it was found first. */
function withoutRepeats<Item extends ListedConversation>(items: readonly Item[]): readonly Item[] {
  const first = new Map<string, Item>();
  for (const item of items) if (!first.has(item.conversation_id)) first.set(item.conversation_id, item);
  return [...first.values()];
}

/** The new list made of the old objects where they say the same; the old list if all do. */
function keeping<Item extends ListedConversation>(before: readonly Item[], now: readonly Item[]): readonly Item[] {
  const known = new Map(before.map((item) => [item.conversation_id, item]));
  const kept = now.map((item) => {
    const old = known.get(item.conversation_id);
    return old !== undefined && JSON.stringify(old) === JSON.stringify(item) ? old : item;
  });
  return kept.length === before.length && kept.every((item, at) => item === before[at]) ? before : kept;
}
