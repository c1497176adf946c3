import { browserStorage, createTextStore } from "../settings/text-store.ts";
import type { Attributes } from "./attributes.ts";

/** What this browser remembers of one visitor's chat with one server (and agent). */
export interface Kept {
  readonly conversation: string;
  /** The last message that a person has seen. */
  readonly seen?: string | undefined;
}

export interface KeptStore {
  /** Of the visitor who is here; until that is known, of the one who was here last. */
  readonly read: () => Kept | undefined;
  readonly write: (kept: Kept) => void;
  /** The server has said who the visitor is. */
  readonly become: (userId: string) => void;
  /** Another tab has written. Returns what ends it. */
  readonly onOther: (listener: () => void) => () => void;
}

interface Entry extends Kept {
  /** Undefined: not known yet, or written by an older version. */
  readonly user?: string | undefined;
}

/** Visitors of one browser; of those who were here longest ago nothing is known any more. */
const maxVisitors = 5;
/** Ids have less than a tenth of it each: what is longer nobody of us has written. */
const maxLength = 5_000;

export type Named = Pick<Attributes, "server" | "agent" | "conversation" | "isKept">;

/** A conversation that the page names is remembered apart: it does not become that of the rest of the site. */
export function nameOf({ server, agent = "", conversation }: Named): string {
  return [server, agent, ...(conversation === undefined ? [] : [conversation])].join(" ");
}

/** In `localStorage`, where the element and the browser let us; otherwise for as long as the page is open. */
export function createKeptStore(attributes: Named, page: Window): KeptStore {
  const key = `parley.embed ${nameOf(attributes)}`;
  let own: string | undefined;
  let user: string | undefined;
  const texts = createTextStore(attributes.isKept ? browserStorage("localStorage", page) : undefined, page);
  const entries = (): readonly Entry[] => entriesOf(texts.read(key) ?? own);
  return {
    read: () => {
      const [last, ...others] = entries();
      if (user === undefined || last?.user === undefined) return keptIn(last);
      return keptIn([last, ...others].find((one) => one.user === user));
    },
    write(kept) {
      const before = entries();
      const whose = user ?? before.find(({ conversation }) => conversation === kept.conversation)?.user;
      const others = before.filter((one) => one.user !== undefined && one.user !== whose);
      own = JSON.stringify([{ ...kept, user: whose }, ...others].slice(0, maxVisitors));
      texts.write(key, own);
    },
    become(userId) {
      user = userId;
    },
    onOther: (listener) => texts.onOther(key, listener),
  };
}

/** Of `createEmbeddedDrafts`, which has React behind it: what stands here is loaded by visitors who never open the chat. */
export const draftsPrefix = "parley.embed.draft ";
/** What an element has left that now keeps nothing: its conversations and all drafts. */
export function forgetKept(attributes: Named, page: Window): void {
  const texts = createTextStore(browserStorage("localStorage", page));
  for (const key of [`parley.embed ${nameOf(attributes)}`, ...texts.keys(draftsPrefix)]) texts.write(key, undefined);
}

function keptIn(entry: Entry | undefined): Kept | undefined {
  return entry === undefined ? undefined : { conversation: entry.conversation, seen: entry.seen };
}

function entriesOf(text: string | undefined): readonly Entry[] {
  if (text === undefined || text.length > maxLength) return [];
  try {
    const value: unknown = JSON.parse(text);
    // Older versions have written one alone.
    return (Array.isArray(value) ? value : [value]).map(entryOf).filter((entry) => entry !== undefined);
  } catch {
    return [];
  }
}

function entryOf(value: unknown): Entry | undefined {
  if (typeof value !== "object" || value === null || !("conversation" in value)) return undefined;
  const { conversation } = value;
  if (typeof conversation !== "string" || conversation === "") return undefined;
  const textIn = (name: "seen" | "user"): string | undefined => {
    const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
    return typeof found === "string" ? found : undefined;
  };
  return { conversation, seen: textIn("seen"), user: textIn("user") };
}
