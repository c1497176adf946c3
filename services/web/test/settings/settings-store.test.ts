// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { createSettingsStore, settingsKey, type Settings } from "../../src/settings/settings-store.ts";

const defaults: Settings = { theme: "system", language: "en", sendsWithEnter: true };
const make = () => createSettingsStore({ defaults, storage: localStorage, tabs: window });

beforeEach(() => localStorage.clear());

test("what was chosen lasts over a reload", () => {
  make().change({ theme: "dark", sendsWithEnter: false });
  expect(make().read()).toEqual({ theme: "dark", language: "en", sendsWithEnter: false });
});

test("tells once of each change, and of none that changes nothing", () => {
  const store = make();
  let told = 0;
  store.subscribe(() => (told += 1));
  store.change({ language: "de" });
  store.change({ language: "de" });
  expect(told).toBe(1);
});

test("what another tab chooses holds here too", () => {
  const store = make();
  let told = 0;
  const stop = store.subscribe(() => (told += 1));
  localStorage.setItem(settingsKey, JSON.stringify({ theme: "light" }));
  window.dispatchEvent(new StorageEvent("storage", { key: settingsKey }));
  expect(store.read().theme).toBe("light");
  window.dispatchEvent(new StorageEvent("storage", { key: "somebody.else" }));
  expect(told).toBe(1);
  stop();
  localStorage.setItem(settingsKey, JSON.stringify({ theme: "dark" }));
  window.dispatchEvent(new StorageEvent("storage", { key: settingsKey }));
  expect(told).toBe(1);
});

test("a storage that was cleared in another tab means the defaults", () => {
  const store = make();
  store.subscribe(() => undefined);
  store.change({ theme: "dark" });
  localStorage.clear();
  window.dispatchEvent(new StorageEvent("storage", { key: null }));
  expect(store.read()).toEqual(defaults);
});

test.each(["", "7", "null", "[]", '{"theme":"pink","language":"fr","sendsWithEnter":"no"}', "{"])(
  "what is kept as %o is not understood, so the defaults hold",
  (text) => {
    localStorage.setItem(settingsKey, text);
    expect(make().read()).toEqual(defaults);
  },
);

test("without a storage settings hold as long as the page is open", () => {
  const store = createSettingsStore({ defaults });
  store.change({ theme: "dark" });
  expect(store.read().theme).toBe("dark");
});
