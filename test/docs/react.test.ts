import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";

const textOf = (file: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../${file}`, import.meta.url)), "utf8");

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

const Exports = z.object({ exports: z.record(z.string(), z.union([z.string(), z.object({ source: z.string() })])) });

/** Where an entry of a library stands, as its package says. */
async function sourceOf(library: string, entry: string): Promise<string> {
  const { exports } = Exports.parse(JSON.parse(await textOf(`libs/${library}/package.json`)));
  const found = exports[entry === "index" ? "." : `./${entry}`];
  if (typeof found !== "object") throw new Error(`@parley/${library} has no entry ${entry}.`);
  return path.join("libs", library, found.source);
}

test("what an example imports from a library of ours is there", async () => {
  const pages = await Promise.all(["docs/client.md", "docs/react.md"].map(textOf));
  const imports = pages
    .join("")
    .matchAll(/import \{ (?<names>[^}]+) \} from "@parley\/(?<library>[a-z]+)(?:\/(?<entry>[a-z-]+))?"/g);
  const missing: string[] = [];
  for (const { groups: { names = "", library = "", entry = "index" } = {} } of imports) {
    const exported = new Set((await textOf(await sourceOf(library, entry))).match(/\w+/g));
    missing.push(...names.split(", ").filter((name) => !exported.has(name)));
  }
  expect(missing).toEqual([]);
});
