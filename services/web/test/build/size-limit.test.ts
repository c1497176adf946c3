import type { Rollup } from "vite";
import { expect, test } from "vitest";
import { firstFiles } from "../../build/size-limit.ts";

function chunk(name: string, imports: readonly string[], styles: readonly string[] = [], isEntry = false): unknown {
  const viteMetadata = { importedCss: new Set(styles) };
  return { type: "chunk", name, fileName: `${name}.js`, imports, isEntry, viteMetadata };
}

/** As much of a bundle as is looked at. */
function isBundle(value: object): value is Rollup.OutputBundle {
  return "index.html" in value;
}

function bundleOf(value: object): Rollup.OutputBundle {
  if (!isBundle(value)) throw new Error("no bundle");
  return value;
}

const bundle = bundleOf({
  "index.html": { type: "asset", fileName: "index.html" },
  "icon.svg": { type: "asset", fileName: "icon.svg" },
  "page.css": { type: "asset", fileName: "page.css" },
  "late.css": { type: "asset", fileName: "late.css" },
  "main.js": chunk("main", ["shared.js", "react.js"], ["page.css"], true),
  "shared.js": chunk("shared", ["react.js", "main.js"]),
  "react.js": chunk("react", []),
  "late.js": chunk("late", ["later.js"], ["late.css"]),
  "later.js": chunk("later", ["react.js"]),
});

test("what is loaded first is the page, its entry, what that imports, and their styles, each once", () => {
  expect([...firstFiles(bundle)].toSorted()).toEqual(["index.html", "main.js", "page.css", "react.js", "shared.js"]);
});

test("what is always loaded later counts with all that it imports where it is named", () => {
  const files = firstFiles(bundle, ["late"]);
  expect(files).toEqual(expect.arrayContaining(["late.js", "later.js", "late.css"]));
  expect(files).toHaveLength(8);
});
