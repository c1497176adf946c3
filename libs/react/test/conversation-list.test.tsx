// @vitest-environment happy-dom
import { useConversationList, type ConversationListView, type LoadListPage } from "@parley/react";
import { createClient } from "@parley/client";
import { act } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { renderInTests } from "./rendering.tsx";

const render = renderInTests();

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));

interface Item {
  readonly conversation_id: string;
  readonly title: string;
}

/** What a server has, newest first, two a page. */
function createServer(...ids: readonly string[]) {
  const server = {
    ids: [...ids],
    asked: 0,
    error: undefined as Error | undefined,
    loadPage: async (cursor?: string) => {
      server.asked++;
      if (server.error !== undefined) throw server.error;
      const from = cursor === undefined ? 0 : Number(cursor);
      const items = server.ids.slice(from, from + 2).map((id): Item => ({ conversation_id: id, title: id }));
      return from + 2 < server.ids.length ? { items, cursor: String(from + 2) } : { items };
    },
  };
  return server;
}

async function showing(loadPage: LoadListPage<Item>) {
  const seen: ConversationListView<Item>[] = [];
  const present = (): ConversationListView<Item> => {
    const view = seen.at(-1);
    if (view === undefined) throw new Error("Nothing was rendered.");
    return view;
  };
  function List() {
    const view = useConversationList({ loadPage });
    if (seen.at(-1) !== view) seen.push(view);
    return `${view.status} ${view.items.map(({ title }) => title).join(" ")}`;
  }
  const client = createClient({ url: "ws://127.0.0.1", WebSocket });
  return { ...(await render(client, <List />)), seen, present };
}

test("the list is asked for at once, then every 15 s, and nothing is rendered while it is the same", async () => {
  const server = createServer("a", "b");
  const { text, seen } = await showing(server.loadPage);
  await pass(0);
  expect(text()).toBe("ready a b");
  const [asked, rendered] = [server.asked, seen.length];
  await pass(15_000);
  expect(server.asked).toBe(asked + 1);
  expect(seen.length).toBe(rendered);
});

test("an entry that has not changed stays the same object beside one that has", async () => {
  const server = createServer("a", "b");
  const { present, text } = await showing(server.loadPage);
  await pass(0);
  const [first] = present().items;
  server.ids.splice(0, 2, "c", "a");
  await pass(15_000);
  expect(text()).toBe("ready c a");
  expect(present().items[1]).toBe(first);
});

test("more pages stand behind the first, and are read again with it", async () => {
  const server = createServer("a", "b", "c", "d", "e");
  const { present, text } = await showing(server.loadPage);
  await pass(0);
  expect(present().hasMore).toBe(true);
  present().loadMore();
  await pass(0);
  expect(text()).toBe("ready a b c d");
  // It moves to the front, and is there once.
  server.ids.splice(0, 5, "d", "a", "b", "c", "e");
  await pass(15_000);
  expect(text()).toBe("ready d a b c");
  present().loadMore();
  await pass(0);
  expect(text()).toBe("ready d a b c e");
  expect(present().hasMore).toBe(false);
});

test("an entry that came while the next page was read is not shown twice", async () => {
  const server = createServer("a", "b", "c");
  const { present, text } = await showing(server.loadPage);
  await pass(0);
  server.ids.unshift("new");
  present().loadMore();
  await pass(0);
  expect(text()).toBe("ready a b c");
});

test("a failure keeps the old entries, and the next success ends it", async () => {
  const server = createServer("a", "b");
  const { present, text } = await showing(server.loadPage);
  await pass(0);
  server.error = new Error("away");
  await pass(15_000);
  expect(text()).toBe("error a b");
  expect(present().error).toEqual(server.error);
  server.error = undefined;
  present().reload();
  await pass(0);
  expect(text()).toBe("ready a b");
  expect(present().error).toBeUndefined();
});

test("a hidden page does not ask; one that is seen again does at once", async () => {
  const server = createServer("a");
  await showing(server.loadPage);
  await pass(0);
  const { asked } = server;
  Object.defineProperty(document, "hidden", { configurable: true, value: true });
  try {
    await pass(60_000);
    expect(server.asked).toBe(asked);
  } finally {
    Reflect.deleteProperty(document, "hidden");
  }
  document.dispatchEvent(new Event("visibilitychange"));
  await pass(0);
  expect(server.asked).toBe(asked + 1);
  window.dispatchEvent(new Event("focus"));
  await pass(0);
  expect(server.asked).toBe(asked + 2);
});

test("another question begins with nothing, and an answer to the one before is not shown", async () => {
  let answer: (page: { items: readonly Item[] }) => void = () => undefined;
  const slow = (): Promise<{ items: readonly Item[] }> => new Promise((resolve) => void (answer = resolve));
  const server = createServer("a");
  function List({ loadPage }: { loadPage: LoadListPage<Item> }) {
    const { items, status } = useConversationList({ loadPage });
    return `${status} ${items.map(({ title }) => title).join(" ")}`;
  }
  const { show, text } = await render(createClient({ url: "ws://127.0.0.1", WebSocket }), <List loadPage={slow} />);
  await show(<List loadPage={server.loadPage} />);
  await pass(0);
  answer({ items: [{ conversation_id: "old", title: "old" }] });
  await pass(0);
  expect(text()).toBe("ready a");
});

test("only the first page is asked for again as long as the same conversations are in it", async () => {
  const server = createServer("a", "b", "c", "d", "e");
  const { present, text } = await showing(server.loadPage);
  await pass(0);
  present().loadMore();
  await pass(0);
  expect(text()).toBe("ready a b c d");
  const { asked } = server;
  await pass(15_000);
  expect(server.asked).toBe(asked + 1);
  server.ids.splice(0, 2, "new", "b");
  await pass(15_000);
  expect(server.asked).toBe(asked + 3);
  expect(text()).toBe("ready new b c d");
  expect(present().hasMore).toBe(true);
});
