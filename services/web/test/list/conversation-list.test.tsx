// @vitest-environment happy-dom
import { act } from "react";
import { beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../src/api/api-error.ts";
import type { ConversationEntry } from "../../src/api/answers.ts";
import { ConversationList } from "../../src/list/conversation-list.tsx";
import { createSeenStore, type SeenStore } from "../../src/list/seen.ts";
import { useConversations } from "../../src/list/use-conversations.ts";
import { createFakeList, render } from "./rendered.tsx";

beforeEach(() => localStorage.clear());

const entryOf = (id: string, title: string, ago = 0): ConversationEntry => ({
  conversation_id: id,
  title,
  updated_at: Date.now() - ago,
});
const some = () => [entryOf("c1", "Pods"), entryOf("c2", "Oil", 1_000), entryOf("c3", "Tyres", 3 * 86_400_000)];

function List({ seen, currentId, opened }: { seen: SeenStore; currentId?: string; opened: string[] }) {
  const conversations = useConversations(seen, currentId);
  return (
    <ConversationList
      conversations={conversations}
      currentId={currentId}
      addressOf={(id) => `/c/${id}`}
      onOpen={(id) => opened.push(id)}
      onDeleted={(id) => opened.push(`without ${id}`)}
    />
  );
}

async function renderList(
  entries: ConversationEntry[],
  currentId?: string,
  seen = createSeenStore({ userId: "u", storage: undefined }),
) {
  const { server, provide } = createFakeList(entries);
  const opened: string[] = [];
  const rendered = await render(
    provide(<List seen={seen} opened={opened} {...(currentId === undefined ? {} : { currentId })} />),
  );
  const { place } = rendered;
  return {
    ...rendered,
    server,
    opened,
    titles: () => [...place.querySelectorAll(".list-title")].map(({ textContent }) => textContent),
    find: (selector: string) => place.querySelector<HTMLElement>(selector)!,
    named: (name: string) => place.querySelector<HTMLElement>(`[aria-label="${name}"]`)!,
  };
}

const press = (target: Element, key: string) =>
  act(async () => void target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })));
const click = (target: Element) =>
  act(async () => void target.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })));

async function write(field: HTMLInputElement, text: string) {
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")!.set!.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

test("entries stand newest first under their days, with links", async () => {
  const list = await renderList(some());
  expect(list.titles()).toEqual(["Pods", "Oil", "Tyres"]);
  expect([...list.place.querySelectorAll("h2")].map(({ textContent }) => textContent)).toEqual([
    "Today",
    "Previous 7 days",
  ]);
  expect(list.find(".list-link").getAttribute("href")).toBe("/c/c1");
  await click(list.find(".list-link"));
  expect(list.opened).toEqual(["c1"]);
});

test("a person without conversations is told what will be here", async () => {
  const list = await renderList([]);
  expect(list.place.textContent).toContain("No conversations yet.");
});

test("a list that cannot be had says why, and is there when it can", async () => {
  const failing = new ApiError("Redis is away.", { code: "OVERLOADED", status: 503 });
  const list = await renderList(some());
  list.server.problem = failing;
  await act(async () => void globalThis.dispatchEvent(new Event("focus")));
  expect(list.find("[role=alert]").textContent).toContain("Redis is away.");
  expect(list.titles()).toHaveLength(3);
  list.server.problem = undefined;
  await click(list.find("[role=alert] button"));
  expect(list.place.querySelector("[role=alert]")).toBeNull();
});

test("a list that is there stays as it is while the server is away", async () => {
  const list = await renderList([]);
  list.server.problem = new ApiError("You are offline.", { code: "OFFLINE" });
  await act(async () => void globalThis.dispatchEvent(new Event("focus")));
  expect(list.place.querySelector("[role=alert]")).toBeNull();
  expect(list.place.textContent).toContain("No conversations yet.");
});

test("search asks the server once somebody pauses, and keeps what is shown until it has answered", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const list = await renderList(some());
    await act(async () => void vi.advanceTimersByTime(1));
    const field = list.find("input[type=search]") as HTMLInputElement;
    for (const text of ["o", "oi", "oil"]) await write(field, text);
    expect(list.titles()).toHaveLength(3);
    await act(async () => void vi.advanceTimersByTime(300));
    expect(list.titles()).toEqual(["Oil"]);
    expect(new Set(list.server.asked)).toEqual(new Set(["", "oil"]));
    await write(field, "zebra");
    await act(async () => void vi.advanceTimersByTime(300));
    expect(list.place.textContent).toContain("Nothing found for “zebra”");
    await press(field, "Escape");
    await act(async () => void vi.advanceTimersByTime(1));
    expect(list.titles()).toHaveLength(3);
  } finally {
    vi.useRealTimers();
  }
});

test("a search shows what was said as well, with the words around it, and leads to its conversation", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const list = await renderList(some());
    const excerpt = { text: "It needs a zebra crossing.", from: 11, to: 16 };
    list.server.hits = [{ conversation_id: "c9", title: "Roads", turn_id: "t1", excerpt }];
    await write(list.find("input[type=search]") as HTMLInputElement, "zebra");
    await act(async () => void vi.advanceTimersByTime(300));
    expect(list.find(".list-hit").textContent).toBe("RoadsIt needs a zebra crossing.");
    expect(list.find("mark").textContent).toBe("zebra");
    expect(list.place.textContent).not.toContain("Nothing found");
    expect(list.find("[role=status]").textContent).toBe("1 message found");
    await click(list.find(".list-hit"));
    expect(list.opened).toEqual(["c9"]);
  } finally {
    vi.useRealTimers();
  }
});

test("arrows lead through the entries, and Tab to one of them only", async () => {
  const list = await renderList(some(), "c2");
  const links = [...list.place.querySelectorAll<HTMLElement>(".list-link")];
  expect(links.map(({ tabIndex }) => tabIndex)).toEqual([-1, 0, -1]);
  await act(async () => links[1]!.focus());
  await press(links[1]!, "ArrowDown");
  expect(document.activeElement).toBe(links[2]);
  await press(links[2]!, "ArrowDown");
  expect(document.activeElement).toBe(links[2]);
  await press(links[2]!, "Home");
  expect(document.activeElement).toBe(links[0]);
  await press(links[0]!, "ArrowUp");
  expect(document.activeElement).toBe(list.find("input[type=search]"));
});

test("F2 renames in place: Enter keeps the new title, and the focus is back at the entry", async () => {
  const list = await renderList(some());
  await press(list.find(".list-link"), "F2");
  const field = list.named("New title for Pods") as HTMLInputElement;
  await write(field, "  Pods of the shop ");
  await press(field, "Enter");
  expect(list.server.renamed).toEqual([["c1", "Pods of the shop"]]);
  expect(list.titles()[0]).toBe("Pods of the shop");
  expect(document.activeElement).toBe(list.find(".list-link"));
});

test.each(["Escape", "Enter"])("%s without another title changes nothing", async (key) => {
  const list = await renderList(some());
  await press(list.find(".list-link"), "F2");
  const field = list.named("New title for Pods") as HTMLInputElement;
  await write(field, key === "Escape" ? "Something else" : "   ");
  await press(field, key);
  expect(list.server.renamed).toEqual([]);
  expect(list.titles()[0]).toBe("Pods");
});

test("a title that is refused is still there to be written, with the reason", async () => {
  const list = await renderList(some());
  await press(list.find(".list-link"), "F2");
  list.server.problem = new ApiError("Titles have one line.", { code: "INVALID_FRAME", status: 400 });
  const field = list.named("New title for Pods") as HTMLInputElement;
  await write(field, "Another");
  await press(field, "Enter");
  expect(list.find("[role=alert]").textContent).toContain("Titles have one line.");
  expect(field.value).toBe("Another");
});

test("deleting asks by name, and nothing is deleted before the answer", async () => {
  const list = await renderList(some());
  await press(list.find(".list-link"), "Delete");
  expect(list.find("dialog").textContent).toContain("“Pods” is deleted for good");
  expect(list.server.deleted).toEqual([]);
  await click(list.find(".ui-button-danger"));
  expect(list.server.deleted).toEqual(["c1"]);
  expect(list.titles()).toEqual(["Oil", "Tyres"]);
  expect(list.opened).toEqual(["without c1"]);
  expect(list.place.querySelector("dialog")).toBeNull();
});

test("a conversation that was deleted and is written in again is in the list again", async () => {
  const list = await renderList(some());
  const [first] = list.server.entries;
  await press(list.find(".list-link"), "Delete");
  await click(list.find(".ui-button-danger"));
  list.server.entries = [{ ...first!, title: "Anew", updated_at: Date.now() + 1 }, ...list.server.entries];
  await act(async () => void document.dispatchEvent(new Event("visibilitychange")));
  expect(list.titles()).toEqual(["Anew", "Oil", "Tyres"]);
});

test("what could not be deleted stays, and the dialog says why", async () => {
  const list = await renderList(some());
  await press(list.find(".list-link"), "Delete");
  list.server.problem = new ApiError("What runs could not be stopped.", { code: "CONVERSATION_BUSY", status: 409 });
  await click(list.find(".ui-button-danger"));
  expect(list.find("dialog").textContent).toContain("What runs could not be stopped.");
  expect(list.titles()).toHaveLength(3);
});

test("what changed since it was seen is marked, what is open never is", async () => {
  const seen = createSeenStore({ userId: "u", storage: undefined, now: () => Date.now() - 500 });
  const list = await renderList(some(), undefined, seen);
  expect([...list.place.querySelectorAll("[data-unread=true]")].map((one) => one.getAttribute("href"))).toEqual([
    "/c/c1",
  ]);
  expect(list.named("New messages")).not.toBeNull();
  const open = await renderList(some(), "c1", createSeenStore({ userId: "u", storage: undefined, now: () => 0 }));
  expect([...open.place.querySelectorAll("[data-unread=true]")].map((one) => one.getAttribute("href"))).toEqual([
    "/c/c2",
    "/c/c3",
  ]);
});

test("what happens in a conversation that was left before the list says so is not new", async () => {
  const seen = createSeenStore({ userId: "u", storage: undefined, now: () => 0 });
  const { server, provide } = createFakeList([entryOf("c1", "Pods")]);
  const opened: string[] = [];
  const node = (currentId?: string) =>
    provide(<List seen={seen} opened={opened} {...(currentId === undefined ? {} : { currentId })} />);
  const rendered = await render(node("c1"));
  server.entries = [entryOf("c1", "Pods", -2_000)];
  await rendered.again(node());
  await act(async () => void globalThis.dispatchEvent(new Event("focus")));
  expect(rendered.place.querySelector("[data-unread=true]")).toBeNull();
  server.entries = [entryOf("c1", "Pods", -5_000)];
  await act(async () => void globalThis.dispatchEvent(new Event("focus")));
  expect(rendered.place.querySelector("[data-unread=true]")).not.toBeNull();
});

test("what runs and what waits is said in words", async () => {
  const [one, two] = some() as [ConversationEntry, ConversationEntry];
  const list = await renderList([
    { ...one, status: "running" },
    { ...two, status: "waiting" },
  ]);
  expect(list.named("An answer is being written")).not.toBeNull();
  expect(list.named("Waits for a person")).not.toBeNull();
});

test("titles are text, whatever they are made of", async () => {
  const list = await renderList([entryOf("c1", '<img src=x onerror="alert(1)">')]);
  expect(list.titles()).toEqual(['<img src=x onerror="alert(1)">']);
  expect(list.place.querySelector("img")).toBeNull();
});
