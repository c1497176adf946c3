import fc from "fast-check";
import { expect, test } from "vitest";
import { createThinkTags, type ThinkTagsOptions } from "../../src/model/think-tags.ts";

/** What text and reasoning come to, whatever the pieces. */
function split(pieces: readonly string[], options: ThinkTagsOptions = {}) {
  const tags = createThinkTags(options);
  let [text, reasoning] = ["", ""];
  for (const event of [...pieces.flatMap((piece) => tags.add(piece)), ...tags.end()]) {
    if (event.type === "text") text += event.text;
    else if (event.type === "reasoning") reasoning += event.text;
    else [reasoning, text] = [reasoning + text, ""];
  }
  return { text, reasoning };
}

const word = fc.constantFrom(
  ...[
    "<think>",
    "</think>",
    "<thinking>",
    "</thinking>",
    "[THINK]",
    "[/THINK]",
    "◁think▷",
    "◁/think▷",
    "<",
    "</",
    "</th",
  ],
  ...["hm", "a", " ", "\n", "`", '"', "😀", "think>", "<b>"],
);
const answer = fc.array(word, { maxLength: 14 }).map((words) => words.join(""));

/** The same text, cut anywhere. */
const torn = fc.tuple(answer, fc.array(fc.nat(80), { maxLength: 10 })).map(([text, cuts]) => {
  const bounds = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].toSorted((a, b) => a - b);
  return { text, pieces: bounds.slice(1).map((end, i) => text.slice(bounds[i], end)) };
});

test.each([
  ["as it comes", {}],
  ["when the template has opened the reasoning", { startsInside: true }],
])("an answer torn anywhere is split the same, %s", (_name, options) => {
  fc.assert(
    fc.property(torn, ({ text, pieces }) => {
      const whole = split([text], options);
      expect(split(pieces, options)).toEqual(whole);
      expect(split(text.split(""), options)).toEqual(whole);
    }),
    { numRuns: 1_000 },
  );
});

test("text without tags is passed on at once, and as it is", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }).filter((piece) => !/[<[◁]/.test(piece))), (pieces) => {
      const said = split(pieces);
      expect(said).toEqual({ text: pieces.join(""), reasoning: "" });
    }),
  );
  const tags = createThinkTags();
  expect(tags.add("Hello")).toEqual([{ type: "text", text: "Hello" }]);
  expect(tags.add(" there")).toEqual([{ type: "text", text: " there" }]);
});

test("text that was shown before its end as reasoning is taken back", () => {
  const tags = createThinkTags();
  expect(tags.add("let me see")).toEqual([{ type: "text", text: "let me see" }]);
  expect(tags.add("\n</think>\n\nHello")).toEqual([
    { type: "retract" },
    { type: "reasoning", text: "\n" },
    { type: "text", text: "Hello" },
  ]);
});

test("an end without a beginning is told once, so that the next answer can be read better", () => {
  let told = 0;
  split(["hm</think>Hello</think>"], { onBareEnd: () => told++ });
  expect(told).toBe(1);
});

test.each([
  ["hm\n</think>\nHello", { text: "Hello", reasoning: "hm\n" }],
  ["<think>hm</think>Hello", { text: "Hello", reasoning: "hm" }],
  ["Hello", { text: "Hello", reasoning: "Hello" }],
])("where the template has opened the reasoning, %j is read", (given, expected) => {
  expect(split([given], { startsInside: true })).toEqual(expected);
});

test("white space without end is passed on", () => {
  expect(split([" ".repeat(5_000)]).text).toHaveLength(5_000);
});
