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
  /** The first page again, and the others if its conversations are not the same any more. */
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
  const { inTurn, once } = createTurns((error) => store.setState({ status: "error", error }));

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
        const first = await loadPage();
        const behind = behindSame(store.getState().items, first.items);
        if (behind !== undefined && pages > 1) return show([...first.items, ...behind], cursor);
        const { items, cursor: next } = await firstPages(loadPage, pages, first);
        show(items, next);
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

/** Tasks one at a time, in order: a page that was asked for earlier must not replace a later one. */
function createTurns(onError: (error: unknown) => void) {
  let work: Promise<void> = Promise.resolve();
  /** What is waited for already is not asked for again. */
  const queued = new Set<string>();

  function inTurn(task: () => Promise<void>): Promise<void> {
    work = work.then(task).catch(onError);
    return work;
  }

  return {
    inTurn,
    once(name: string, task: () => Promise<void>): Promise<void> {
      if (queued.has(name)) return work;
      queued.add(name);
      return inTurn(() => {
        queued.delete(name);
        return task();
      });
    },
  };
}

async function firstPages<Item>(
  loadPage: LoadListPage<Item>,
  count: number,
  first?: ListPage<Item>,
): Promise<ListPage<Item>> {
  let { items, cursor } = first ?? (await loadPage());
  for (let page = 1; page < count && cursor !== undefined; page++) {
    const found = await loadPage(cursor);
    items = [...items, ...found.items];
    cursor = found.cursor;
  }
  return { items, cursor };
}

/** What is shown behind the first page, if that is still made of the same conversations; else any of them may be behind it, or gone. */
function behindSame<Item extends ListedConversation>(
  shown: readonly Item[],
  page: readonly Item[],
): readonly Item[] | undefined {
  const isSame = page.every(({ conversation_id }, at) => shown[at]?.conversation_id === conversation_id);
  return isSame ? shown.slice(page.length) : undefined;
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
