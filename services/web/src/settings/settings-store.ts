import { isLanguage, type Language } from "../words/language.ts";

export type Theme = "system" | "light" | "dark";

export interface Settings {
  readonly theme: Theme;
  readonly language: Language;
  /** Off: Ctrl+Enter or ⌘+Enter sends, and Enter begins a new line. */
  readonly sendsWithEnter: boolean;
}

export interface SettingsStore {
  /** The same object until something changes. */
  readonly read: () => Settings;
  readonly change: (patch: Partial<Settings>) => void;
  readonly subscribe: (listener: () => void) => () => void;
}

/** What of `localStorage` is needed. */
export type TextStorage = Pick<Storage, "getItem" | "setItem">;

interface SettingsStoreOptions {
  readonly defaults: Settings;
  /** Undefined: nothing is kept, as in private windows that refuse it. */
  readonly storage?: TextStorage | undefined;
  /** Tells when another tab has written: a window. */
  readonly tabs?: Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined;
}

export const settingsKey = "parley.settings";

/** A person's settings in this browser, in step in all tabs. What is kept may be of another version, or spoiled: what is not understood is the default. */
export function createSettingsStore({ defaults, storage, tabs }: SettingsStoreOptions): SettingsStore {
  const listeners = new Set<() => void>();
  let settings = readSettings(storage, defaults);

  const set = (next: Settings): void => {
    if (isSame(settings, next)) return;
    settings = next;
    for (const listener of listeners) listener();
  };
  const onStorage = (event: Event): void => {
    // Without a key: all of it was cleared.
    if (!("key" in event) || event.key === settingsKey || event.key === null) set(readSettings(storage, defaults));
  };

  return {
    read: () => settings,
    change(patch) {
      set({ ...settings, ...patch });
      try {
        storage?.setItem(settingsKey, JSON.stringify(settings));
      } catch {
        // Full, or forbidden: it holds as long as the page is open.
      }
    },
    subscribe(listener) {
      if (listeners.size === 0) tabs?.addEventListener("storage", onStorage);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) tabs?.removeEventListener("storage", onStorage);
      };
    },
  };
}

function readSettings(storage: TextStorage | undefined, defaults: Settings): Settings {
  const kept = parse(read(storage));
  const { theme, language, sendsWithEnter } = kept;
  return {
    theme: theme === "light" || theme === "dark" || theme === "system" ? theme : defaults.theme,
    language: isLanguage(language) ? language : defaults.language,
    sendsWithEnter: typeof sendsWithEnter === "boolean" ? sendsWithEnter : defaults.sendsWithEnter,
  };
}

function read(storage: TextStorage | undefined): string {
  try {
    return storage?.getItem(settingsKey) ?? "";
  } catch {
    return "";
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function isSame(one: Settings, other: Settings): boolean {
  return one.theme === other.theme && one.language === other.language && one.sendsWithEnter === other.sendsWithEnter;
}
