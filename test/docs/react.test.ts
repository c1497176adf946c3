import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const textOf = (path: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");

test("the chat of docs/react.md is the one that test/browser/react-chat.browser.test.ts runs, in at most 30 lines", async () => {
  const [page, chat] = await Promise.all([textOf("docs/react.md"), textOf("libs/react/test/pages/chat.tsx")]);
  const shown = /```tsx\n(?<code>[^]*?)```/.exec(page)?.groups?.["code"];
  expect(shown).toBe(chat);
  expect(chat.trimEnd().split("\n").length).toBeLessThanOrEqual(30);
});

test("docs/react.md names every hook", async () => {
  const [page, index] = await Promise.all([textOf("docs/react.md"), textOf("libs/react/src/index.ts")]);
  const hooks = [...index.matchAll(/\buse[A-Z]\w+/g)].map(([hook]) => hook);
  expect(hooks.length).toBeGreaterThan(12);
  expect(hooks.filter((hook) => !page.includes(`\`${hook}`))).toEqual([]);
});
