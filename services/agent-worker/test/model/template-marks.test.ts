import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTemplateMarks } from "../../src/model/template-marks.ts";

function read(pieces: readonly string[]): string {
  const marks = createTemplateMarks();
  return pieces.map((piece) => marks.next(piece)).join("") + marks.last("");
}

const harmony = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hello";
const rows: [name: string, text: string, expected: string][] = [
  ["Harmony", harmony, "<think>hm</think>Hello"],
  ["Harmony with its beginning and end", `<|start|>assistant${harmony}<|return|>`, "<think>hm</think>Hello"],
  [
    "Harmony, two thoughts",
    harmony.replace("final", "analysis<|message|>so<|end|><|channel|>final"),
    "<think>hm</think><think>so</think>Hello",
  ],
  ["Harmony without a thought", "<|channel|>final<|message|>Hello<|end|>", "Hello"],
  ["Harmony that breaks off", "<|channel|>analysis<|message|>hm<|e", "<think>hm<|e"],
  ["Cohere's", "<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>Hello<|END_RESPONSE|>", "<think>hm</think>Hello"],
  [
    "OpenThinker's",
    "<|begin_of_thought|>hm<|end_of_thought|>\n<|begin_of_solution|>Hello<|end_of_solution|>",
    "<think>hm</think>\nHello",
  ],
  ["Gemma's", "<|channel>thought\nhm<channel|>Hello", "<think>\nhm</think>Hello"],
  ["white space before them", `\n ${harmony}`, "\n <think>hm</think>Hello"],
  ["marks further on", `Look: ${harmony}`, `Look: ${harmony}`],
  ["an end alone", "Hello<|end|>", "Hello<|end|>"],
  ["other marks", "<|im_start|>Hello", "<|im_start|>Hello"],
  ["the beginning of one", "<|chan", "<|chan"],
  ["white space alone", " \n", " \n"],
  ["nothing", "", ""],
];

describe("marks of chat templates become tags at the beginning of an answer", () => {
  test.each(rows)("%s", (_name, text, expected) => {
    expect(read([text])).toBe(expected);
    expect(read(text.split(""))).toBe(expected);
  });
});

test("wherever the text is cut, and however much comes of it", () => {
  const mark = fc.constantFrom(
    ...[
      "<|channel|>",
      "analysis<|message|>",
      "final<|message|>",
      "<|end|>",
      "<|start|>assistant",
      "hm",
      " ",
      "<|",
      "<",
    ],
  );
  const torn = fc.tuple(fc.array(mark, { maxLength: 12 }), fc.array(fc.nat(120), { maxLength: 8 }));
  fc.assert(
    fc.property(torn, ([words, cuts]) => {
      const text = words.join("");
      const bounds = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].toSorted((a, b) => a - b);
      expect(read(bounds.slice(1).map((end, i) => text.slice(bounds[i], end)))).toBe(read([text]));
    }),
    { numRuns: 500 },
  );
});
