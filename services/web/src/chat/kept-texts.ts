import { createContext } from "react";
import { browserStorage, createTextStore, fieldsIn, type TextStore } from "../settings/text-store.ts";

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
  const store = createTextStore(storage);
  return {
    read: (conversationId) => {
      const kept = keptIn(store.read(prefix + conversationId));
      return kept === undefined || now() - kept.ts > keptMs ? "" : kept.text;
    },
    keep: (conversationId, text) => {
      const isKept = text !== "" && text.length <= maxChars;
      store.write(prefix + conversationId, isKept ? JSON.stringify({ text, ts: now() } satisfies Kept) : undefined);
      if (isKept) dropOldest(store, { family, maxEntries, now: now() });
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

function dropOldest(store: TextStore, { family, maxEntries, now }: Bounds): void {
  const kept = store
    .keys(family)
    .map((key) => ({ key, ts: keptIn(store.read(key))?.ts ?? 0 }))
    .toSorted((one, other) => other.ts - one.ts);
  for (const [place, { key, ts }] of kept.entries())
    if (place >= maxEntries || now - ts > keptMs) store.write(key, undefined);
}

function keptIn(json: string | undefined): Kept | undefined {
  const { text, ts } = fieldsIn(json) ?? {};
  return typeof text === "string" && typeof ts === "number" ? { text, ts } : undefined;
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
  return createKeptTexts({ prefix: `parley.draft.${userId}.`, storage: browserStorage("localStorage") });
}

/** `<DraftsOf value={drafts}>`: of one person. */
export const DraftsOf = createContext<KeptTexts>(createTextsInMemory());

export const choices = createKeptTexts({ prefix: "parley.choice.", storage: browserStorage("localStorage") });
