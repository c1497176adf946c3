import { createContext, use, useSyncExternalStore } from "react";
import { createSettingsStore, type Settings, type SettingsStore } from "./settings-store.ts";

/** For whoever is shown outside a page, as in tests: nothing is kept. */
const ownStore = createSettingsStore({ defaults: { theme: "system", language: "en", sendsWithEnter: true } });

const SettingsContext = createContext<SettingsStore>(ownStore);

/** `<SettingsProvider value={store}>` */
export const SettingsProvider = SettingsContext.Provider;

export interface SettingsHandle extends Settings {
  readonly change: (patch: Partial<Settings>) => void;
}

export function useSettings(): SettingsHandle {
  const { read, change, subscribe } = use(SettingsContext);
  const settings = useSyncExternalStore(subscribe, read, read);
  return { ...settings, change };
}
