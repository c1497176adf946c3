import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const copy = /<!-- begin: evals\/results\/([\w.-]+) -->\n[^]*?<!-- end -->/g;

/** Puts the Markdown of results where documents have copies of it. Returns the documents that it changed. */
export function copyResults(root: string): string[] {
  const folder = path.join(root, "docs");
  const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));
  return pages.filter((page) => {
    const file = path.join(folder, page);
    const before = readFileSync(file, "utf8");
    const after = before.replaceAll(copy, (_all, result: string) => {
      const text = readFileSync(path.join(root, "evals/results", result), "utf8").trim();
      return `<!-- begin: evals/results/${result} -->\n\n${text}\n\n<!-- end -->`;
    });
    if (after !== before) writeFileSync(file, after);
    return after !== before;
  });
}
