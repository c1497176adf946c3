import { createTextStore, type TextStore } from "../settings/text-store.ts";

/** What this browser remembers of who uses it. Never a cookie: that one no script can read. */
export interface KeptIdentity {
  /** Pasted; for this tab only. */
  readonly token: () => string | undefined;
  readonly keepToken: (token: string | undefined) => void;
  /** Of the development sign-in. Each tab keeps the one it was begun with; a new tab takes the last. */
  readonly name: () => string | undefined;
  readonly keepName: (name: string) => void;
  /** All that this person has left here but the settings: drafts, marks, names. */
  readonly forget: () => void;
}

const prefix = "parley.";
const tokenKey = "parley.token";
const nameKey = "parley.name";

interface Storages {
  /** Of the tab. */
  readonly session: Storage | undefined;
  /** Of the browser. */
  readonly local: Storage | undefined;
}

/** `settingsKey`: what is no secret of a person. Storage that is full or forbidden is none. */
export function createKeptIdentity({ session, local }: Storages, settingsKey: string): KeptIdentity {
  /** For who has no storage at all. */
  const memory = new Map<string, string>();

  const [ofTab, ofBrowser] = [createTextStore(session), createTextStore(local)];
  const keep = (store: TextStore, key: string, value: string | undefined): void => {
    if (value === undefined) memory.delete(key);
    else memory.set(key, value);
    store.write(key, value);
  };

  return {
    token: () => memory.get(tokenKey) ?? ofTab.read(tokenKey),
    keepToken: (token) => keep(ofTab, tokenKey, token),
    name: () => memory.get(nameKey) ?? ofTab.read(nameKey) ?? ofBrowser.read(nameKey),
    keepName: (name) => {
      for (const store of [ofTab, ofBrowser]) keep(store, nameKey, name);
    },
    forget: () => {
      memory.clear();
      for (const store of [ofTab, ofBrowser])
        for (const key of store.keys(prefix)) if (key !== settingsKey) store.write(key, undefined);
    },
  };
}
