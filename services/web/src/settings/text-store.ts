/** Texts that a browser keeps, by key. A storage that is full, forbidden or not there costs what was to be kept, never what is on the page. */
export interface TextStore {
  readonly read: (key: string) => string | undefined;
  /** Without a text it is removed. */
  readonly write: (key: string, text: string | undefined) => void;
  /** Of all that begin so. */
  readonly keys: (prefix: string) => readonly string[];
  /** Calls when another tab has written it, or cleared all. Returns the function that ends it. */
  readonly onOther: (key: string, listener: () => void) => () => void;
}

/** What of `localStorage` is needed; to remove and to list only where that is done. */
export type TextStorage = Pick<Storage, "getItem" | "setItem"> &
  Partial<Pick<Storage, "removeItem" | "key" | "length">>;

export type Tabs = Pick<EventTarget, "addEventListener" | "removeEventListener">;

/** `storage` is undefined where the browser has none for this page; `tabs` tells when another tab has written: a window. */
export function createTextStore(storage: TextStorage | undefined, tabs?: Tabs): TextStore {
  return {
    read: (key) => attempt(() => storage?.getItem(key)) ?? undefined,
    write(key, text) {
      attempt(() => (text === undefined ? storage?.removeItem?.(key) : storage?.setItem(key, text)));
    },
    keys: (prefix) => {
      const all = attempt(() =>
        Array.from({ length: storage?.length ?? 0 }, (_, index) => storage?.key?.(index) ?? ""),
      );
      return all?.filter((key) => key.startsWith(prefix)) ?? [];
    },
    onOther(key, listener) {
      const heard = (event: Event): void => {
        // Without a key: all of it was cleared.
        if (!("key" in event) || event.key === key || event.key === null) listener();
      };
      tabs?.addEventListener("storage", heard);
      return () => tabs?.removeEventListener("storage", heard);
    },
  };
}

/** The browser's storage; undefined where it is forbidden, as asking for it throws there: in a frame in a sandbox. */
export function browserStorage(
  name: "localStorage" | "sessionStorage",
  page: Pick<typeof globalThis, "localStorage" | "sessionStorage"> = globalThis,
): Storage | undefined {
  return attempt(() => page[name]);
}

/** The fields of an object that was written as JSON; undefined: it is none, or is spoiled. */
export function fieldsIn(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  const value: unknown = text === undefined ? undefined : attempt((): unknown => JSON.parse(text));
  return typeof value === "object" && value !== null ? { ...value } : undefined;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
