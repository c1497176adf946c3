import { isLanguage, type Language } from "../words/language.ts";
import { createTextStore, fieldsIn, type Tabs, type TextStorage } from "./text-store.ts";

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

interface SettingsStoreOptions {
  readonly defaults: Settings;
  /** Undefined: nothing is kept, as in private windows that refuse it. */
  readonly storage?: TextStorage | undefined;
  /** Tells when another tab has written: a window. */
  readonly tabs?: Tabs | undefined;
}

export const settingsKey = "parley.settings";

/** A person's settings in this browser, in step in all tabs. What is kept may be of another version, or spoiled: what is not understood is the default. */
export function createSettingsStore({ defaults, storage, tabs }: SettingsStoreOptions): SettingsStore {
  const texts = createTextStore(storage, tabs);
  const listeners = new Set<() => void>();
  let settings = settingsIn(texts.read(settingsKey), defaults);
  let stopHearing: (() => void) | undefined;

  const set = (next: Settings): void => {
    if (isSame(settings, next)) return;
    settings = next;
    for (const listener of listeners) listener();
  };

  return {
    read: () => settings,
    change(patch) {
      set({ ...settings, ...patch });
      texts.write(settingsKey, JSON.stringify(settings));
    },
    subscribe(listener) {
      stopHearing ??= texts.onOther(settingsKey, () => set(settingsIn(texts.read(settingsKey), defaults)));
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        stopHearing?.();
        stopHearing = undefined;
      };
    },
  };
}

function settingsIn(text: string | undefined, defaults: Settings): Settings {
  const { theme, language, sendsWithEnter } = fieldsIn(text) ?? {};
  return {
    theme: theme === "light" || theme === "dark" || theme === "system" ? theme : defaults.theme,
    language: isLanguage(language) ? language : defaults.language,
    sendsWithEnter: typeof sendsWithEnter === "boolean" ? sendsWithEnter : defaults.sendsWithEnter,
  };
}

function isSame(one: Settings, other: Settings): boolean {
  return one.theme === other.theme && one.language === other.language && one.sendsWithEnter === other.sendsWithEnter;
}
