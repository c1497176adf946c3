// @vitest-environment happy-dom
import type { Conversation } from "@parley/client";
import { createView, type QueuedTurn } from "@parley/protocol/fold";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WaitingMessages } from "../../src/chat/waiting-messages.tsx";

let place: HTMLElement;
let root: Root;
const onSend = vi.fn(() => true);
const onFocusLost = vi.fn();
const changeQueued = vi.fn((_turnId: string, _text: string) => Promise.resolve());
const takeBack = vi.fn((_turnId: string) => Promise.resolve());
const view = createView("c1");
/** What the list needs of a conversation. */
const conversation = { view, changeQueued, takeBack } as unknown as Conversation;

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  vi.clearAllMocks();
  place = document.createElement("div");
  document.body.append(place);
  root = createRoot(place);
});
afterEach(() => {
  act(() => root.unmount());
  place.remove();
});

function waiting(...texts: string[]): QueuedTurn[] {
  return texts.map((text, index) => {
    const common = { message_id: `${text}-u`, turn_id: text, author: { role: "user" }, status: "complete" } as const;
    return { turn_id: text, position: index + 1, message: { ...common, parts: [{ type: "text", text }] } };
  });
}

function show(turns: readonly QueuedTurn[]): void {
  act(() => root.render(<WaitingMessages conversation={conversation} waiting={turns} {...{ onSend, onFocusLost }} />));
}

function buttons(name: string): HTMLButtonElement[] {
  return [...place.querySelectorAll("button")].filter((one) => one.textContent === name);
}

function edit(text: string): void {
  act(() => buttons("Edit")[0]?.click());
  act(() => {
    const field = place.querySelector("textarea");
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set?.call(field, text);
    field?.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

async function press(name: string, at = 0): Promise<void> {
  await act(async () => {
    buttons(name)[at]?.click();
    await Promise.resolve();
  });
}

test("a message that waits is changed in its place", async () => {
  show(waiting("one", "two"));
  edit("one, but better");
  await press("Save");
  expect(changeQueued).toHaveBeenCalledExactlyOnceWith("one", "one, but better");
  expect(place.querySelector("textarea")).toBeNull();
});

test("each is taken back by its own button", async () => {
  show(waiting("one", "two"));
  await press("Take back", 1);
  expect(takeBack).toHaveBeenCalledExactlyOnceWith("two");
});

test("a change that comes too late says so", async () => {
  changeQueued.mockRejectedValueOnce(Object.assign(new Error("…"), { code: "CONFLICT" }));
  show(waiting("one"));
  edit("late");
  await press("Save");
  expect(place.querySelector('[role="alert"]')?.textContent).toContain("had begun already");
});

test("what somebody types outlives the message it was for, and can go as a new one", async () => {
  show(waiting("one"));
  edit("one, and more");
  show([]);
  expect(place.querySelector("textarea")?.value).toBe("one, and more");
  expect(place.querySelector('[role="alert"]')?.textContent).toContain("has begun meanwhile");
  await press("Send");
  expect(onSend).toHaveBeenCalledExactlyOnceWith("one, and more");
  expect(place.textContent).toBe("");
});

test("where nothing waits nothing is shown", () => {
  show([]);
  expect(place.textContent).toBe("");
});

test("whoever has ended an edit is on the button that began it", async () => {
  show(waiting("a", "b"));
  edit("changed");
  await press("Save");
  expect(document.activeElement).toBe(buttons("Edit")[0]);
});

test("what somebody types when its answer begins goes on where they are in it", () => {
  show(waiting("a", "b"));
  edit("changed");
  act(() => place.querySelector("textarea")?.setSelectionRange(2, 4));
  act(() => void place.querySelector("textarea")?.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true })));
  show(waiting("b"));
  const field = place.querySelector("textarea");
  expect(document.activeElement).toBe(field);
  expect([field?.value, field?.selectionStart, field?.selectionEnd]).toEqual(["changed", 2, 4]);
});

test("an answer that begins takes the focus from nobody who is elsewhere", () => {
  const elsewhere = document.createElement("input");
  place.before(elsewhere);
  show(waiting("a", "b"));
  edit("changed");
  act(() => elsewhere.focus());
  show(waiting("b"));
  expect(document.activeElement).toBe(elsewhere);
  elsewhere.remove();
});

test("when what has the focus is gone the box to write in gets it", async () => {
  show(waiting("a"));
  act(() => buttons("Take back")[0]?.focus());
  show([]);
  expect(onFocusLost).toHaveBeenCalledOnce();
});
