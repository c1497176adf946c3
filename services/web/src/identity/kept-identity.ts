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

  function read(storage: Storage | undefined, key: string): string | undefined {
    try {
      return storage?.getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  }

  function write(storage: Storage | undefined, key: string, value: string): void {
    memory.set(key, value);
    try {
      storage?.setItem(key, value);
    } catch {
      // It holds as long as the page is open.
    }
  }

  function remove(storage: Storage | undefined, key: string): void {
    memory.delete(key);
    try {
      storage?.removeItem(key);
    } catch {
      // What could not be written need not be removed.
    }
  }

  return {
    token: () => memory.get(tokenKey) ?? read(session, tokenKey),
    keepToken: (token) => (token === undefined ? remove(session, tokenKey) : write(session, tokenKey, token)),
    name: () => memory.get(nameKey) ?? read(session, nameKey) ?? read(local, nameKey),
    keepName: (name) => {
      for (const storage of [session, local]) write(storage, nameKey, name);
    },
    forget: () => {
      memory.clear();
      for (const storage of [session, local]) {
        for (const key of keysOf(storage)) if (key.startsWith(prefix) && key !== settingsKey) remove(storage, key);
      }
    },
  };
}

function keysOf(storage: Storage | undefined): string[] {
  try {
    return storage === undefined ? [] : Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? "");
  } catch {
    return [];
  }
}
