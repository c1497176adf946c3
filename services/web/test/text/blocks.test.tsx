import fc from "fast-check";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { createSplitter, type Block } from "../../src/text/blocks.ts";
import { MarkdownBlocks as Markdown, WholeText } from "../../src/text/markdown-blocks.tsx";

/** Lines that begin, continue and end blocks in each other's middle. */
const lines = [
  "",
  "",
  "text",
  "# heading",
  "  indented",
  "    deep",
  "- item",
  "* star",
  "1. one",
  "2. two",
  "  - nested",
  "-",
  "```",
  "```js",
  "  ```",
  "~~~",
  "````",
  "> quote",
  ">",
  "| a | b |",
  "|---|---|",
  "---",
  "===",
  "***",
  "<div>",
  "<!-- comment",
  "-->",
  "**bold",
  "end**",
  "\\",
  "`code",
  "10) ten",
];
/** micromark reads what follows indented code as if it interrupted a paragraph, which CommonMark does not. */
const isRead = (source: string): boolean => !/^ {4}.*\n\n(?:-|\d+[.)])/mu.test(source);
const text = fc
  .array(fc.constantFrom(...lines), { maxLength: 14 })
  .map((chosen) => chosen.join("\n"))
  .filter(isRead);

function allOf(source: string): Block[] {
  const { groups, last } = createSplitter()(source);
  return [...groups.flat(), ...(last === undefined ? [] : [last])];
}

function bare(html: string): string {
  return html
    .replaceAll(/\s+<\/span><\/code>/gu, "</span></code>")
    .replaceAll(/<span class="text-code-piece"><\/span>/gu, "")
    .replaceAll(/\n+<\/(?:span|code)>/gu, "")
    .replaceAll(/\s*(<\/?(?:p|ul|ol|li|h\d|hr|figure|figcaption|pre|blockquote|div|table)\b[^>]*>)\s*/gu, "$1");
}

describe("an answer divided into its blocks", () => {
  test("shows what the whole shows", () => {
    fc.assert(
      fc.property(text, (source) => {
        const whole = renderToStaticMarkup(<WholeText text={source} isLast={false} />);
        expect(bare(renderToStaticMarkup(<Markdown text={source} />))).toBe(bare(whole));
      }),
      { numRuns: 60 },
    );
  });

  test("is divided alike whether it comes at once or grows", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(80), { maxLength: 6 }), (source, cuts) => {
        const split = createSplitter();
        for (const cut of cuts.toSorted((a, b) => a - b)) split(source.slice(0, cut));
        expect(shown(split(source))).toEqual(shown(createSplitter()(source)));
      }),
      { numRuns: 60 },
    );
  });
});

function shown({ groups, last }: ReturnType<ReturnType<typeof createSplitter>>): Block[] {
  return [...groups.flat(), ...(last === undefined ? [] : [last])];
}

test("all of a text is in its blocks", () => {
  expect(allOf("a\n\nb\n\n```js\nx\n```\nc").map(({ text }) => text)).toEqual(["a", "b", "x", "c"]);
});

describe("links that are defined elsewhere", () => {
  const hrefIn = (text: string): string | undefined =>
    /href="([^"]+)"/u.exec(renderToStaticMarkup(<Markdown text={text} />))?.[1];

  test("are found in a block behind", () => {
    expect(hrefIn("see [the docs][d]\n\nmore\n\n[d]: https://docs.example/\n")).toBe("https://docs.example/");
  });

  test("are found in a block before, whatever the case of their names", () => {
    expect(hrefIn("[Docs]: https://docs.example/\n\nsee [the docs][docs]")).toBe("https://docs.example/");
  });

  test("go by the first definition", () => {
    expect(hrefIn("[d]: https://one.example/\n\n[d]: https://two.example/\n\nsee [d]")).toBe("https://one.example/");
  });
});

test("notes are numbered through the whole text and stand at its end", () => {
  const html = renderToStaticMarkup(<Markdown text={"one[^a]\n\ntwo[^b]\n\n[^a]: first\n\n[^b]: second"} />);
  expect([...html.matchAll(/<sup>.*?>(\d)<\/a><\/sup>/gu)].map(([, number]) => number)).toEqual(["1", "2"]);
  expect(html.match(/<section/gu)).toHaveLength(1);
});

describe("what is long", () => {
  test("in a table goes on as another one with the same head", () => {
    const rows = Array.from({ length: 400 }, (_, i) => `| row ${i} | ${"x".repeat(20)} |`);
    const blocks = allOf(["| name | value |", "|---|---:|", ...rows].join("\n"));
    expect(blocks.length).toBeGreaterThan(1);
    expect(blocks.every(({ text }) => text.startsWith("| name | value |\n|---|---:|\n| row"))).toBe(true);
    expect(blocks.flatMap(({ text }) => text.split("\n").slice(2))).toEqual(rows);
  });

  test("in a list goes on as another one, numbers as they are", () => {
    const items = Array.from({ length: 400 }, (_, i) => `${i + 1}. item ${"x".repeat(20)}`);
    const blocks = allOf(items.join("\n"));
    expect(blocks.length).toBeGreaterThan(1);
    expect(blocks.map(({ text }) => text).join("\n")).toBe(items.join("\n"));
  });

  test("and cannot be divided is shown as it is written", () => {
    expect(allOf("*x ".repeat(10_000))).toMatchObject([{ kind: "plain" }]);
  });
});

test("while a text grows its finished groups and definitions are the same objects, so that nothing of them is drawn again", () => {
  const split = createSplitter();
  const before = `[a]: https://example.org\n\n${"paragraph\n\n".repeat(60)}the last`;
  const one = split(before);
  const other = split(`${before} word`);
  expect(other.groups[0]).toBe(one.groups[0]);
  expect(other.definitions).toBe(one.definitions);
  expect(one.definitions.size).toBe(1);
});
