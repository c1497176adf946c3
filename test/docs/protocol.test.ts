import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { protocolPage } from "../../scripts/protocol-doc/page.ts";

const root = path.resolve(import.meta.dirname, "../..");
const migration = ["seed-a-kubernetes-chat", "seed-b-firebase-chat", "seed-c-automotive-chat"];
const pages = ["docs/protocol.md", ...migration.map((name) => `docs/migration/${name}.md`)];

function read(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading.toLowerCase());
  return new Set(headings.map((heading) => heading.replaceAll(/[^a-z0-9_ -]/g, "").replaceAll(" ", "-")));
}

it("docs/protocol.md is what `npm run gen` writes", () => {
  const isFresh = read("docs/protocol.md") === protocolPage();
  expect(isFresh, "docs/protocol.md is stale: run `npm run gen`").toBe(true);
});

it("no placeholder is left in the page", () => {
  expect(protocolPage()).not.toMatch(/\{\{|undefined|NaN/);
});

it.each(pages)("links of %s lead to a file and a heading", (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)];
  const broken = links.filter(([, file = "", anchor = ""]) => {
    const target = file === "" ? page : path.join(path.dirname(page), file);
    if (!existsSync(path.join(root, target))) return true;
    return anchor !== "" && !anchorsOf(read(target)).has(anchor);
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

it.each(pages.slice(1))("the tests that %s names exist", (page) => {
  const text = read(page);
  const folders = ["services/edge/test", "."];
  const named = [...text.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, file = ""]) => file);
  expect(named.length).toBeGreaterThan(1);
  expect(named.filter((file) => !folders.some((folder) => existsSync(path.join(root, folder, file))))).toEqual([]);
});
