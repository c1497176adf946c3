import fc from "fast-check";
import { expect, test } from "vitest";
import { chunksOf } from "../../src/retrieval/chunks.ts";

const options = { maxChars: 60, untitled: "notes" };
const cut = (...lines: string[]) => chunksOf(lines.join("\n"), options);

test("cuts at headings and names each chunk by the headings above it", () => {
  expect(
    cut("Before.", "# Car", "About it.", "## Engine", "It runs.", "### Oil ###", "0W-20", "## Tyres", "", "Four."),
  ).toEqual([
    { title: "notes", text: "Before." },
    { title: "Car", text: "About it." },
    { title: "Car › Engine", text: "It runs." },
    { title: "Car › Engine › Oil", text: "0W-20" },
    { title: "Car › Tyres", text: "Four." },
  ]);
});

test("gives no chunk for a heading without text", () => {
  expect(cut("# Car", "", "## Engine", "It runs.")).toEqual([{ title: "Car › Engine", text: "It runs." }]);
});

test("takes # inside a block of code for code", () => {
  const code = ["```sh", "# a comment", "", "run", "```"].join("\n");
  expect(cut("# Car", code)).toEqual([{ title: "Car", text: code }]);
});

test("ends a block of code only at its own marks", () => {
  const code = ["~~~~md", "```", "# no heading", "~~~", "~~~~"].join("\n");
  expect(cut(code, "# Car", "Text.")).toEqual([
    { title: "notes", text: code },
    { title: "Car", text: "Text." },
  ]);
});

test("keeps a block of code whole, however long", () => {
  const code = ["```", ...Array.from({ length: 20 }, (_, index) => `command number ${index}`), "```"].join("\n");
  expect(cut("First.", code, "Last.").map(({ text }) => text)).toEqual(["First.", code, "Last."]);
});

test("puts short paragraphs together and cuts between long ones", () => {
  const [one, two, three] = ["one ".repeat(6).trim(), "two ".repeat(6).trim(), "three ".repeat(6).trim()];
  expect(cut(one, "", two, "", three).map(({ text }) => text)).toEqual([`${one}\n\n${two}`, three]);
});

test("cuts a long paragraph after a sentence, and a long sentence after a word", () => {
  const texts = cut(`A first sentence of some length. A second one here. ${"word ".repeat(20)}`).map(
    ({ text }) => text,
  );
  expect(texts[0]).toBe("A first sentence of some length. A second one here.");
  expect(texts.slice(1).every((text) => /^(word ?)+$/.test(text))).toBe(true);
});

test("reads Windows line ends and a byte order mark", () => {
  expect(chunksOf("\uFEFF# Car\r\nIt runs.\r\n", options)).toEqual([{ title: "Car", text: "It runs." }]);
});

test("loses no word of a text without code and keeps within the limit, whatever the text", () => {
  const line = fc.stringMatching(/^[ a-zA-Z.!?\n-]{0,200}$/);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
      const text = lines.join("\n");
      const chunks = chunksOf(text, options);
      expect(chunks.every((chunk) => chunk.text.length <= options.maxChars && chunk.text !== "")).toBe(true);
      const letters = (value: string) => value.replaceAll(/\s/g, "");
      expect(letters(chunks.map((chunk) => chunk.text).join(""))).toBe(letters(text));
    }),
  );
});
