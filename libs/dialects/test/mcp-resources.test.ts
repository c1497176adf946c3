import type { KnowledgeEntry } from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readableDocuments, resourcePage, uriOfDocument } from "../src/mcp/resources.ts";

const entry = (file: string, agents = ["general"]): KnowledgeEntry => ({
  ...{ file, title: `About ${file}`, bytes: 3, hash: "0".repeat(64), agents },
});
const sorted = (files: readonly string[]) => [...files].toSorted((one, other) => (one < other ? -1 : 1));
const numbered = (count: number) =>
  Array.from({ length: count }, (_, nth) => `book/${String(nth).padStart(3, "0")}.md`);

/** As a client does that wants all of it. */
function pagesOf(lists: (nth: number) => readonly KnowledgeEntry[]): string[] {
  const names: string[] = [];
  let cursor: string | undefined;
  for (let nth = 0; nth < 100; nth++) {
    const page = resourcePage(lists(nth), cursor);
    names.push(...(page?.resources ?? []).map(({ name }) => name));
    cursor = page?.nextCursor;
    if (cursor === undefined) return names;
  }
  throw new Error("the list has no end");
}

describe("the list of documents", () => {
  test("says of each where it is, what it is called and how long it is", () => {
    expect(resourcePage([entry("book/a b.md")], undefined)).toEqual({
      resources: [
        {
          ...{ uri: "parley://knowledge/book/a%20b.md", name: "book/a b.md", title: "About book/a b.md" },
          ...{ mimeType: "text/markdown", size: 3 },
        },
      ],
    });
  });

  test.each([0, 1, 49, 50, 51, 100, 101, 512])("comes in pages that are together all %i of them", (count) => {
    const files = numbered(count);
    expect(pagesOf(() => files.map((file) => entry(file)))).toEqual(files);
  });

  test("has what stays exactly once, whatever comes and goes between two pages", () => {
    const files = fc.uniqueArray(fc.stringMatching(/^[a-zé]{1,3}$/), { maxLength: 150 });
    fc.assert(
      fc.property(files, files, (stays, goes) => {
        const others = goes.filter((file) => !stays.includes(file));
        const lists = [[...stays, ...others], stays, [...stays, ...others]].map((list) => sorted(list));
        const seen = pagesOf((nth) => (lists[nth % 3] ?? []).map((file) => entry(file)));
        expect(seen.filter((file) => stays.includes(file))).toEqual(sorted(stays));
        expect(new Set(seen).size).toBe(seen.length);
      }),
    );
  });

  test.each(["", "x", "!!", "YQ==", "a".repeat(5_000), "//4"])(
    "takes no cursor that it has not given: %j",
    (cursor) => {
      expect(resourcePage([entry("a")], cursor)).toBeUndefined();
    },
  );

  test("is of agents that one may use", () => {
    const all = [entry("a", ["general", "specs"]), entry("b", ["kubernetes"]), entry("c", [])];
    expect(readableDocuments(all, (agent) => agent === "specs").map(({ file }) => file)).toEqual(["a"]);
  });
});

test("no two documents have one address, and each is an address", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ unit: "binary", minLength: 1 }).map((file) => file.toWellFormed())),
      (files) => {
        const uris = files.map(uriOfDocument);
        expect(new Set(uris).size).toBe(new Set(files).size);
        for (const uri of uris) expect(URL.canParse(uri)).toBe(true);
      },
    ),
  );
});
