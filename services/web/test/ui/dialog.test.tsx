// @vitest-environment happy-dom
import { act, StrictMode, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Dialog } from "../../src/ui/dialog.tsx";

let place: HTMLElement;
let root: Root;
const { close } = HTMLDialogElement.prototype;

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  place = document.createElement("div");
  document.body.append(place);
  root = createRoot(place);
});
afterEach(() => {
  act(() => root.unmount());
  place.remove();
  HTMLDialogElement.prototype.close = close;
});

/** Browsers tell of the end of a dialog in a task of its own; happy-dom does at once. */
function closeAsBrowsersDo(this: HTMLDialogElement): void {
  const wasOpen = this.open;
  this.removeAttribute("open");
  if (wasOpen) setTimeout(() => this.dispatchEvent(new Event("close")), 0);
}

async function show(content: ReactNode): Promise<HTMLDialogElement | null> {
  act(() => root.render(<StrictMode>{content}</StrictMode>));
  // The tasks that this has begun.
  await act(() => new Promise((resolve) => setTimeout(resolve, 0)));
  return place.querySelector("dialog");
}

const kinds = [
  ["at once", close],
  ["in a task of its own", closeAsBrowsersDo],
] as const;

for (const [when, closing] of kinds) {
  test(`a strict mode, which shows everything twice, leaves a dialog open whose end is told ${when}`, async () => {
    HTMLDialogElement.prototype.close = closing;
    const onClose = vi.fn();
    const dialog = await show(
      <Dialog title="Settings" onClose={onClose}>
        text
      </Dialog>,
    );
    expect(onClose).not.toHaveBeenCalled();
    expect(dialog?.open).toBe(true);
  });
}

test("a browser that closes a dialog without asking closes it for the page", async () => {
  const onClose = vi.fn();
  const dialog = await show(
    <Dialog title="Settings" onClose={onClose}>
      text
    </Dialog>,
  );
  act(() => dialog?.close());
  expect(onClose).toHaveBeenCalledOnce();
});

test("what has to be answered is open again", async () => {
  const dialog = await show(<Dialog title="Sign in again">text</Dialog>);
  act(() => dialog?.close());
  expect(dialog?.open).toBe(true);
});
