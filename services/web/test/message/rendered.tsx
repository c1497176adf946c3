import { createClient } from "@parley/client";
import { ParleyProvider } from "@parley/react";
import { act, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { createApi, type Api } from "../../src/api/api.ts";
import { ApiProvider } from "../../src/api/use-api.ts";
import { createScriptedServer } from "../chat/stage/scripted-server.ts";

const open: (() => Promise<void>)[] = [];

/** To be called behind each test by the file that renders: modules are shared by all files of a process, and so are their hooks. */
export async function closeRendered(): Promise<void> {
  for (const close of open.splice(0)) await close();
}

/** React is told that the test waits for what it causes. */
async function acting(work: () => unknown): Promise<void> {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  try {
    await act(async () => {
      await work();
    });
  } finally {
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: undefined });
  }
}

/** Something of the message room on a page, with a server that says nothing by itself. */
export async function rendered(children: ReactNode, answers: Partial<Api> = {}) {
  const box = document.createElement("div");
  document.body.append(box);
  const server = createScriptedServer({ transcript: [] });
  const client = createClient({ url: "ws://test.invalid/ws/chat", WebSocket: server.WebSocket });
  const api = { ...createApi(() => Promise.reject(new Error("Nobody answers."))), ...answers };
  const root = createRoot(box);
  const show = (content: ReactNode) =>
    acting(() =>
      root.render(
        <ApiProvider value={api}>
          <ParleyProvider client={client}>{content}</ParleyProvider>
        </ApiProvider>,
      ),
    );
  await show(children);
  open.push(async () => {
    await acting(() => root.unmount());
    box.remove();
    client.close();
  });
  const find = (selector: string): HTMLElement => {
    const found = box.querySelector<HTMLElement>(selector);
    if (found === null) throw new Error(`There is no ${selector} in ${box.innerHTML}`);
    return found;
  };
  const button = (name: string): HTMLButtonElement => {
    const found = [...box.querySelectorAll("button")].find(
      (one) => one.getAttribute("aria-label") === name || one.textContent === name,
    );
    if (found === undefined) throw new Error(`There is no button ${name} in ${box.innerHTML}`);
    return found;
  };
  return {
    box,
    show,
    find,
    button,
    has: (name: string) => [...box.querySelectorAll("button")].some((one) => one.textContent === name),
    press: (name: string) => acting(() => button(name).click()),
    type: (selector: string, text: string) =>
      acting(() => {
        const field = find(selector);
        if (!(field instanceof HTMLInputElement)) throw new Error(`${selector} is no field`);
        // As a person does it: React looks at the value that the element itself has set.
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(field, text);
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }),
    acting,
    client,
    server,
  };
}
