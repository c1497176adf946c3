// @vitest-environment happy-dom
import { createClient } from "@parley/client";
import { limits } from "@parley/protocol/fold";
import { ParleyProvider } from "@parley/react";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Composer } from "../../src/chat/composer.tsx";
import { createTextsInMemory, DraftsOf, type KeptTexts } from "../../src/chat/kept-texts.ts";

/** Never connects: the box needs to know only whether there is a network. */
class NoSocket {
  addEventListener(): void {}
  send(): void {}
  close(): void {}
}

let place: HTMLElement;
let root: Root;
let drafts: KeptTexts;
const onSend = vi.fn(() => true);
const onStop = vi.fn();

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  drafts = createTextsInMemory();
  vi.clearAllMocks();
  place = document.createElement("div");
  document.body.append(place);
  root = createRoot(place);
});
afterEach(() => {
  act(() => root.unmount());
  place.remove();
});

const client = createClient({ url: "ws://nowhere", WebSocket: NoSocket });

function show(running: "no" | "yes" | "stopping" = "no"): void {
  act(() =>
    root.render(
      <ParleyProvider client={client}>
        <DraftsOf value={drafts}>
          <Composer
            draftOf="c1"
            running={running}
            onSend={onSend}
            onStop={onStop}
            lastOwn={() => "what I said last"}
            pickers={null}
          />
        </DraftsOf>
      </ParleyProvider>,
    ),
  );
}

function box(): HTMLTextAreaElement {
  const field = place.querySelector("textarea");
  if (field === null) throw new Error("There is no box.");
  return field;
}

function button(name: string): HTMLButtonElement | undefined {
  return [...place.querySelectorAll("button")].find(
    (one) => one.getAttribute("aria-label") === name || one.textContent === name,
  );
}

function type(text: string): void {
  act(() => {
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set;
    set?.call(box(), text);
    box().dispatchEvent(new Event("input", { bubbles: true }));
  });
}

function press(key: string, init: KeyboardEventInit = {}): void {
  act(() => void box().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init })));
}

test("Enter sends what is in the box and empties it", () => {
  show();
  type("hello\n");
  press("Enter");
  expect(onSend).toHaveBeenCalledExactlyOnceWith("hello", false);
  expect(box().value).toBe("");
  press("Enter");
  expect(onSend).toHaveBeenCalledTimes(1);
});

test("what the client does not take stays in the box", () => {
  show();
  type("hello");
  onSend.mockReturnValueOnce(false);
  press("Enter");
  expect(box().value).toBe("hello");
  press("Enter");
  expect(box().value).toBe("");
});

test("white space is not sent, by no key and no button", () => {
  show();
  type(" \n ");
  press("Enter");
  act(() => button("Send")?.click());
  expect(onSend).not.toHaveBeenCalled();
  expect(button("Send")?.getAttribute("aria-disabled")).toBe("true");
});

test("a text above the limit stays in the box, with a sentence, and is not sent", () => {
  show();
  const text = "ä".repeat(limits.messageBytes);
  type(text);
  press("Enter");
  expect(onSend).not.toHaveBeenCalled();
  expect(box().value).toBe(text);
  expect(place.querySelector('[role="alert"]')?.textContent).toContain("64.0 KB of at most 32.0 KB");
});

test("near the limit it says how much is left", () => {
  show();
  type("x".repeat(limits.messageBytes - 1024));
  expect(place.textContent).toContain("1.0 KB left");
});

test("the arrow up brings the last message back", () => {
  show();
  press("ArrowUp");
  expect(box().value).toBe("what I said last");
});

test("what was typed is there again after the page was away, and gone once it was sent", () => {
  show();
  type("half a thou");
  act(() => root.unmount());
  root = createRoot(place);
  show();
  expect(box().value).toBe("half a thou");
  press("Enter");
  act(() => root.unmount());
  root = createRoot(place);
  show();
  expect(box().value).toBe("");
});

test("what was kept and is gone, as after signing out, does not come back when the box goes", () => {
  vi.useFakeTimers();
  show();
  type("half a secret");
  vi.runAllTimers();
  expect(drafts.read("c1")).toBe("half a secret");
  drafts.keep("c1", "");
  act(() => root.unmount());
  root = createRoot(place);
  expect(drafts.read("c1")).toBe("");
  vi.useRealTimers();
});

test("while an answer runs a message waits behind it, or goes at once on request", () => {
  show("yes");
  expect(button("Send now")).toBeUndefined();
  act(() => button("Stop")?.click());
  expect(onStop).toHaveBeenCalledTimes(1);
  type("and then?");
  act(() => button("Send now")?.click());
  expect(onSend).toHaveBeenLastCalledWith("and then?", true);
  type("and then?");
  press("Enter");
  expect(onSend).toHaveBeenLastCalledWith("and then?", false);
});

test("an answer is stopped once", () => {
  show("stopping");
  act(() => button("Stopping…")?.click());
  expect(onStop).not.toHaveBeenCalled();
});
