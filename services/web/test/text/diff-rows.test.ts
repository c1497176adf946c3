import { expect, test } from "vitest";
import { changesIn } from "../../src/text/diff-rows.ts";

test("lines of a change are told apart by their signs", () => {
  expect(changesIn("@@ spec @@\n same\n-old\n+new\nno sign")).toEqual([
    { kind: "place", line: "@@ spec @@" },
    { kind: "same", line: "same" },
    { kind: "removed", line: "old", other: "new" },
    { kind: "added", line: "new", other: "old" },
    { kind: "same", line: "no sign" },
  ]);
});

test("only as many removed lines as added ones are versions of each other", () => {
  expect(changesIn("-a\n-b\n+c").every(({ other }) => other === undefined)).toBe(true);
});

test("a very long line is not compared", () => {
  expect(changesIn(`-${"a".repeat(500)}\n+b`).every(({ other }) => other === undefined)).toBe(true);
});
