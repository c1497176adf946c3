import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { root } from "./yaml.ts";

const page = readFileSync(path.join(root, "docs/deployment.md"), "utf8");

it("names only files that exist", () => {
  const named = [...page.matchAll(/\b(?:deploy|test|tilt|scripts|docs|libs)\/[\w./-]*\w/g)].map(([file]) => file);
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});

it("has the headings that its links lead to", () => {
  const anchors = [...page.matchAll(/^## (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replaceAll(" ", "-"),
  );
  for (const [, anchor] of page.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor);
});
