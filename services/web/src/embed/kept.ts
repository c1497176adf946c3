import type { Attributes } from "./attributes.ts";

/** What this browser remembers of the chat with one server (and agent). */
export interface Kept {
  readonly conversation: string;
  /** The last message that a person has seen. */
  readonly seen?: string | undefined;
}

export interface KeptStore {
  readonly read: () => Kept | undefined;
  readonly write: (kept: Kept) => void;
  /** Another tab has written. Returns what ends it. */
  readonly onOther: (listener: () => void) => () => void;
}

/** Ids have less than a tenth of it: what is longer nobody of us has written. */
const maxLength = 1_000;

/** In `localStorage`, where the page lets us; otherwise for as long as the page is open. */
export function createKeptStore(
  attributes: Pick<Attributes, "server" | "agent" | "conversation">,
  page: Window,
): KeptStore {
  const { server, agent = "", conversation } = attributes;
  // A conversation that the page names is remembered apart: it does not become that of the rest of the site.
  const key = ["parley.embed", server, agent, ...(conversation === undefined ? [] : [conversation])].join(" ");
  let own: string | null = null;
  const storage = storageOf(page);
  return {
    read: () => keptOf(read(storage, key) ?? own),
    write(kept) {
      own = JSON.stringify(kept);
      try {
        storage?.setItem(key, own);
      } catch {
        // Full, or forbidden.
      }
    },
    onOther(listener) {
      const heard = ({ key: changed }: StorageEvent): void =>
        void ((changed === key || changed === null) && listener());
      page.addEventListener("storage", heard);
      return () => page.removeEventListener("storage", heard);
    },
  };
}

/** Reading the property alone throws in a frame in a sandbox. */
function storageOf(page: Window): Storage | undefined {
  try {
    return page.localStorage;
  } catch {
    return undefined;
  }
}

function read(storage: Storage | undefined, key: string): string | null {
  try {
    return storage?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

function keptOf(text: string | null): Kept | undefined {
  if (text === null || text.length > maxLength) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("conversation" in value)) return undefined;
    const { conversation } = value;
    if (typeof conversation !== "string" || conversation === "") return undefined;
    return { conversation, seen: "seen" in value && typeof value.seen === "string" ? value.seen : undefined };
  } catch {
    return undefined;
  }
}
