import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/architecture.md"), "utf8");
const walk = [...page.matchAll(/^\| (\d+) \| \[`([^`]+)`\]/gm)].map(([, number, file]) => ({
  number: Number(number),
  file,
}));

it("names the files of the message walk once each, in order, and all of them exist", () => {
  // More rows are no walk that anybody takes; fewer leave something out.
  expect(walk.length).toBeGreaterThan(20);
  expect(walk.length).toBeLessThanOrEqual(22);
  expect(walk.map(({ number }) => number)).toEqual(walk.map((_, index) => index + 1));
  expect(new Set(walk.map(({ file }) => file)).size).toBe(walk.length);
  expect(walk.filter(({ file }) => !existsSync(path.join(root, file ?? "")))).toEqual([]);
});

const pages = ["README.md", "docs/architecture.md", "docs/operations.md"].filter((file) =>
  existsSync(path.join(root, file)),
);

it.each(pages)("links of %s resolve", (file) => {
  const text = readFileSync(path.join(root, file), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => target ?? "");
  const missing = links.filter((target) => !existsSync(path.resolve(root, path.dirname(file), target)));
  expect(missing).toEqual([]);
});
