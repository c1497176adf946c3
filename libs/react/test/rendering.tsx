import type { Client } from "@parley/client";
import { ParleyProvider } from "@parley/react";
import { act, StrictMode, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { afterAll, afterEach, beforeAll } from "vitest";

/** For the tests of a file: React is told that they wait for what they cause, and what they rendered is gone behind each. */
export function renderInTests() {
  const open: (() => Promise<void>)[] = [];
  beforeAll(() => {
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  });
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });
  afterAll(() => {
    Reflect.deleteProperty(globalThis, "IS_REACT_ACT_ENVIRONMENT");
  });

  return async (client: Client, children: ReactNode): Promise<Rendered> => {
    const box = document.createElement("div");
    const root = createRoot(box);
    const show = (content: ReactNode) =>
      act(async () =>
        root.render(<StrictMode>{<ParleyProvider client={client}>{content}</ParleyProvider>}</StrictMode>),
      );
    await show(children);
    open.push(async () => {
      await act(async () => root.unmount());
      client.close();
    });
    return { box, show, text: () => box.textContent };
  };
}

export interface Rendered {
  readonly box: HTMLElement;
  readonly show: (children: ReactNode) => Promise<void>;
  readonly text: () => string;
}

/** Does something, and lets two animation frames pass. */
export async function afterFrames(work: () => unknown): Promise<void> {
  await act(async () => {
    await work();
    await nextFrame();
    await nextFrame();
  });
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => void requestAnimationFrame(() => resolve()));
}
