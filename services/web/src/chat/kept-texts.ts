import { createContext } from "react";

/** Small texts that this browser keeps per conversation: what was typed and not sent, which agent was chosen. */
export interface KeptTexts {
  readonly read: (conversationId: string) => string;
  /** An empty text is removed. A full or forbidden storage costs what was kept, never what is on the page. */
  readonly keep: (conversationId: string, text: string) => void;
}

interface KeptTextsOptions {
  readonly prefix: string;
  /** Undefined where the browser has none for this page. */
  readonly storage: Storage | undefined;
  readonly now?: () => number;
  /** What the beginnings of several have in common: the number of all of them together is limited. */
  readonly family?: string;
  readonly maxEntries?: number;
  /** What is longer is kept by the open page alone. */
  readonly maxChars?: number;
}

/** Conversations; those that were touched longest ago are dropped first. */
const entries = 50;
const chars = 64 * 1024;
const keptMs = 14 * 24 * 60 * 60_000;

export function createKeptTexts({ prefix, storage, now = Date.now, ...bounds }: KeptTextsOptions): KeptTexts {
  const { family = prefix, maxEntries = entries, maxChars = chars } = bounds;
  return {
    read: (conversationId) => {
      const kept = parse(attempt(() => storage?.getItem(prefix + conversationId)));
      return kept === undefined || now() - kept.ts > keptMs ? "" : kept.text;
    },
    keep: (conversationId, text) => {
      if (storage === undefined) return;
      attempt(() => {
        if (text === "" || text.length > maxChars) return storage.removeItem(prefix + conversationId);
        storage.setItem(prefix + conversationId, JSON.stringify({ text, ts: now() } satisfies Kept));
        return dropOldest(storage, { family, maxEntries, now: now() });
      });
    },
  };
}

interface Kept {
  readonly text: string;
  readonly ts: number;
}

interface Bounds {
  readonly family: string;
  readonly maxEntries: number;
  readonly now: number;
}

function dropOldest(storage: Storage, { family, maxEntries, now }: Bounds): void {
  const kept = Array.from({ length: storage.length }, (_, index) => storage.key(index))
    .filter((key) => key?.startsWith(family) === true)
    .flatMap((key) => (key === null ? [] : [{ key, ts: parse(storage.getItem(key))?.ts ?? 0 }]))
    .toSorted((one, other) => other.ts - one.ts);
  for (const [place, { key, ts }] of kept.entries()) {
    if (place >= maxEntries || now - ts > keptMs) storage.removeItem(key);
  }
}

function parse(json: string | null | undefined): Kept | undefined {
  if (json === null || json === undefined) return undefined;
  const value: unknown = attempt((): unknown => JSON.parse(json));
  if (typeof value !== "object" || value === null || !("text" in value) || !("ts" in value)) return undefined;
  const { text, ts } = value;
  return typeof text === "string" && typeof ts === "number" ? { text, ts } : undefined;
}

/** Storage throws where it is full, and where a browser forbids it. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Reading the property alone throws in a sandboxed frame. */
function browserStorage(): Storage | undefined {
  return attempt(() => globalThis.localStorage);
}

/** For as long as the page is open: where it is not known whose browser it is. */
export function createTextsInMemory(): KeptTexts {
  const texts = new Map<string, string>();
  return {
    read: (conversationId) => texts.get(conversationId) ?? "",
    keep: (conversationId, text) => void (text === "" ? texts.delete(conversationId) : texts.set(conversationId, text)),
  };
}

/** What this person has typed and not sent: whoever uses the browser next is not shown it, however the one before went away. */
export function createDraftsOf(userId: string): KeptTexts {
  return createKeptTexts({ prefix: `parley.draft.${userId}.`, storage: browserStorage() });
}

/** `<DraftsOf value={drafts}>`: of one person. */
export const DraftsOf = createContext<KeptTexts>(createTextsInMemory());

export const choices = createKeptTexts({ prefix: "parley.choice.", storage: browserStorage() });
