import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createSettingsStore, settingsKey, type Theme } from "../../src/settings/settings-store.ts";

const script = readFileSync(new URL("../../public/theme.js", import.meta.url), "utf8");

/** What the script puts on the document before anything is painted. */
function themeAtFirst(kept: string | null): string | undefined {
  const dataset: { theme?: string } = {};
  const localStorage = { getItem: (key: string) => (key === settingsKey ? kept : null) };
  runInNewContext(script, { localStorage, document: { documentElement: { dataset } } });
  return dataset.theme;
}

test.each<[Theme, string | undefined]>([
  ["dark", "dark"],
  ["light", "light"],
  ["system", undefined],
])("who chose the theme %s sees it with the first paint", (theme, shown) => {
  let kept: string | null = null;
  const storage = { getItem: () => kept, setItem: (_key: string, value: string) => void (kept = value) };
  const store = createSettingsStore({ defaults: { theme: "light", language: "en", sendsWithEnter: true }, storage });
  store.change({ language: "de", theme });
  expect(themeAtFirst(kept)).toBe(shown);
});

test.each([null, "", "{", '{"theme":"pink"}'])("what is kept as %o leaves the system's theme", (kept) => {
  expect(themeAtFirst(kept)).toBeUndefined();
});
