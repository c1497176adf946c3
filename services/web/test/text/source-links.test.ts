import { expect, test } from "vitest";
import { withSourceLinks } from "../../src/text/source-links.ts";

const linked = (text: string): string => withSourceLinks(text, { count: 2, place: "s-" });

test("numbers of sources lead to them", () => {
  expect(linked("It has 110 kW [1][2].")).toBe(String.raw`It has 110 kW [\[1\]](#s-1)[\[2\]](#s-2).`);
  expect(linked("It has 110 kW [1] [2].")).toBe(String.raw`It has 110 kW [\[1\]](#s-1) [\[2\]](#s-2).`);
});

test("what no code ends is a number again", () => {
  expect(linked("A ` alone [1]")).toBe("A ` alone " + String.raw`[\[1\]](#s-1)`);
  expect(linked("```\n[1]\n```\n[2]")).toBe("```\n[1]\n```\n" + String.raw`[\[2\]](#s-2)`);
});

test.each([
  "Nobody has [3] or [0].",
  "`list[1]` is code",
  "``a ` list[1]`` is code",
  "~~~\nlist [1]\n~~~",
  "````\n```\nlist [1]\n```\n````",
  "```\nlist [1]\n```",
  "```\nlist [1], which goes on",
  "[1](https://example.org) is a link",
  "as [1] says\n[1]: https://example.org",
  String.raw`\[1] is none`,
  "![1] is none",
])("%j stays as it is", (text) => {
  expect(linked(text)).toBe(text);
});
