// @vitest-environment happy-dom
import { createClient } from "@parley/client";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConversationHeader } from "../../src/chat/conversation-header.tsx";

/** Never connects. */
class NoSocket {
  addEventListener(): void {}
  send(): void {}
  close(): void {}
}

let place: HTMLElement;
let root: Root;

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  place = document.createElement("div");
  document.body.append(place);
  root = createRoot(place);
  const conversation = createClient({ url: "ws://nowhere", WebSocket: NoSocket }).conversation("c1");
  act(() =>
    root.render(
      <>
        <ConversationHeader conversation={conversation} phase="messages" agent={undefined} />
        <textarea />
      </>,
    ),
  );
  act(() => place.querySelector("button")?.click());
});
afterEach(() => {
  act(() => root.unmount());
  place.remove();
});

const nextFrame = () => act(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));

test("who leaves the title for another field stays there", async () => {
  const other = place.querySelector("textarea");
  act(() => other?.focus());
  await nextFrame();
  expect(place.querySelector("input")).toBeNull();
  expect(document.activeElement).toBe(other);
});

test("who leaves the title by Esc is where they came from", async () => {
  const field = place.querySelector("input");
  act(() => void field?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })));
  await nextFrame();
  expect(document.activeElement).toBe(place.querySelector("button"));
});
