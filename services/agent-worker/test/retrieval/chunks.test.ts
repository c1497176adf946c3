import fc from "fast-check";
import { expect, test } from "vitest";
import { chunksOf } from "../../src/retrieval/formats/chunks.ts";

const options = { maxChars: 60, untitled: "notes" };
const cut = (...lines: string[]) => chunksOf(lines.join("\n"), options).map(({ title, text }) => ({ title, text }));

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
  expect(chunksOf("\uFEFF# Car\r\nIt runs.\r\n", options)).toEqual([
    { title: "Car", heading: "Car", text: "It runs." },
  ]);
});

test("cuts a long table between its rows, and gives each part its head", () => {
  const rows = Array.from({ length: 6 }, (_, nth) => `| part ${nth} | ${nth} litres |`);
  const table = ["| part | holds |", "| --- | --- |", ...rows].join("\n");
  const texts = chunksOf(table, { ...options, maxChars: 100 }).map(({ text }) => text);
  expect(texts.length).toBeGreaterThan(1);
  for (const text of texts) expect(text).toMatch(/^\| part \| holds \|\n\| --- \| --- \|\n\| part \d/);
  expect(texts.flatMap((text) => text.split("\n").slice(2))).toEqual(rows);
});

test("cuts a long list before an item", () => {
  const items = Array.from({ length: 6 }, (_, nth) => `- the item ${nth} of this list\n  goes on`);
  expect(cut(...items).every(({ text }) => text.startsWith("- the item"))).toBe(true);
});

test("takes nothing of a plain text for a heading or for code", () => {
  const plain = chunksOf("# not a heading\n```\nwords", { ...options, isPlain: true });
  expect(plain).toEqual([{ title: "notes", heading: "notes", text: "# not a heading\n```\nwords" }]);
});

test.each([
  ["a line of a million letters", "x".repeat(1_000_000)],
  ["a heading of blanks", `# ${" ".repeat(300_000)}x`],
  ["an edge of a table that never ends", `a | b\n${" -".repeat(300_000)}`],
  ["nothing but line ends", "\n".repeat(500_000)],
])("is done in a moment with %s", (_what, text) => {
  const began = performance.now();
  chunksOf(text, { maxChars: 1_200, untitled: "notes" });
  expect(performance.now() - began).toBeLessThan(3_000);
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
