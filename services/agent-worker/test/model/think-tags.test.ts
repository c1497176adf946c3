import fc from "fast-check";
import { expect, test } from "vitest";
import { createThinkTags, type ThinkTagsOptions } from "../../src/model/think-tags.ts";

/** What text and reasoning come to, whatever the pieces. */
function split(pieces: readonly string[], options: ThinkTagsOptions = {}, hasCalls = false) {
  const tags = createThinkTags(options);
  let [text, reasoning] = ["", ""];
  for (const event of [...pieces.flatMap((piece) => tags.add(piece)), ...tags.end(hasCalls)]) {
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
  ["when the question has a tag", { isAskedFor: () => true }],
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

test.each([
  ["hm</think>Hello</think>", {}, true],
  ["</think>Hello", {}, true],
  ["</think>Hello", { startsInside: true }, true],
  ["hm</think>Hello", { startsInside: true }, true],
  ["<think>hm</think>Hello", {}, false],
  ["<think>hm</think></think>Hello", {}, false],
  ["<think>hm</think>Hello", { startsInside: true }, false],
  ["Hello", { startsInside: true }, false],
  ["Hello", {}, false],
  ["hm</think>Hello", { isAskedFor: () => true }, false],
])("whether %j (%j) had an end without a beginning is known: %s", (given, options, expected) => {
  const tags = createThinkTags(options);
  tags.add(given);
  tags.end();
  expect(tags.hadBareEnd()).toBe(expected);
});

test.each<[string, string, ThinkTagsOptions, boolean]>([
  ["it is not the last word of a sentence", "It is closed by </think>", {}, false],
  ["it is not the last word in quotes", 'It is closed by "</think>"', {}, false],
  ["it is in the first part of the answer", `${"x".repeat(40_000)}</think>Hello`, {}, false],
  ["little white space follows it", `Hello\n</think>${" ".repeat(2_000)}x`, {}, false],
  ["the question has no such tag", "Hello\n</think>\nHello", { isAskedFor: () => true }, false],
  ["the question has no such tag, also before calls", "Hello\n</think>\n", { isAskedFor: () => true }, true],
])("a bare end makes reasoning of text only if %s", (_name, given, options, hasCalls) => {
  expect(split([given], options, hasCalls)).toEqual({ text: given, reasoning: "" });
  expect(split(given.split(""), options, hasCalls)).toEqual({ text: given, reasoning: "" });
});

test.each<[string, ThinkTagsOptions, boolean]>(
  ["hm</think>", "hm\n</think>\n\n"].flatMap((given): [string, ThinkTagsOptions, boolean][] => [
    [given, {}, true],
    [given, { isKnownToEnd: true }, false],
  ]),
)(
  "a bare end with nothing behind it makes reasoning of text before calls, or if earlier ones did: %j",
  (given, options, hasCalls) => {
    const reasoning = given.split("</think>")[0];
    expect(split([given], options, hasCalls)).toEqual({ text: "", reasoning });
    expect(split(given.split(""), options, hasCalls)).toEqual({ text: "", reasoning });
  },
);

const doubtful = [
  ["it is a line between two lines of text", "Hello\n</think>\nthere"],
  ["it was announced", "It is closed like so:\n\n</think>\n\nThat is all."],
  ["the text is about tags", "The closing tag stands by itself.\n</think>\n\nThat is all."],
  ["the text has markup", "<answer>One</answer>\n</think>\n\nTwo"],
  ["it is all that comes at the end", "Hello there.\n</think>\n"],
  ["it is all that comes at the end of a line", "Hello there.</think>"],
] as const;

test.each(doubtful)("an end leaves the text that viewers have where %s, and is told as a bare end", (_name, given) => {
  for (const pieces of [[given], given.split("")]) {
    expect(split(pieces)).toEqual({ text: given, reasoning: "" });
    const tags = createThinkTags();
    for (const piece of pieces) tags.add(piece);
    tags.end();
    expect(tags.hadBareEnd()).toBe(true);
  }
});

test.each(doubtful)("an end makes reasoning of text where %s, if an earlier answer ended so", (_name, given) => {
  const [reasoning, text = ""] = given.split("</think>");
  const expected = { text: text.trimStart(), reasoning };
  expect(split([given], { isKnownToEnd: true })).toEqual(expected);
  expect(split(given.split(""), { isKnownToEnd: true })).toEqual(expected);
});

test.each([
  ["after a blank line behind it", "hm\n</think>\n\nHello", "Hello"],
  ["at the end of a line", "hm</think>\nHello", "Hello"],
  ["in the middle of a line", "hm</think>Hello", "Hello"],
  ["after a stray backtick of an earlier paragraph", "it`s\n\nhm\n</think>\n\nHello", "Hello"],
  ["after a whole code block", "```\nx\n```\n</think>\n\nHello", "Hello"],
])("an end makes reasoning of the first answer's text %s", (_name, given, text) => {
  expect(split([given])).toEqual({ text, reasoning: given.split("</think>")[0] });
  expect(split(given.split(""))).toEqual({ text, reasoning: given.split("</think>")[0] });
});

test.each([
  ["a block of backticks", "```\nx\n\ny\n</think>\n\nz\n```"],
  ["a block of tildes", "~~~\nx\n</think>\n\nz\n~~~"],
  ["a block in a list", "- ```\n  x\n  </think>\n\n  z\n  ```"],
  ["an indented block", "x\n\n    </think>\n\nz"],
])("an end in %s is text, whatever is known of the model", (_name, given) => {
  expect(split([given], { isKnownToEnd: true })).toEqual({ text: given, reasoning: "" });
});

test("an end is text where a rule says that answers never begin so", () => {
  const given = "hm\n</think>\n\nHello";
  expect(split([given], { neverInside: true })).toEqual({ text: given, reasoning: "" });
});

test("many ends that are text cost no more than their number", () => {
  const given = '"</think>" '.repeat(3_000);
  // Of this process: on a busy machine time goes by that it did not get.
  const before = process.cpuUsage();
  expect(split([given]).text).toBe(given);
  const spent = process.cpuUsage(before);
  expect(spent.user + spent.system).toBeLessThan(1_000_000);
});

test.each<[string, ThinkTagsOptions, string]>([
  ["is text", { startsInside: true }, "let me"],
  ["is reasoning where a rule says so", { startsInside: true, isCertain: true }, ""],
])("what broke off before the end of assumed reasoning %s", (_name, options, expected) => {
  const tags = createThinkTags(options);
  tags.add("let me");
  const said = [...tags.breakOff(), ...tags.breakOff()];
  expect(said).toEqual(expected === "" ? [] : [{ type: "text", text: expected }]);
});

test("reasoning is told as such when it is certain: assumed reasoning with its end, text with a bare end", () => {
  const known = (given: string, options: ThinkTagsOptions = {}) => {
    let told = "";
    split(given.split(""), { ...options, onReasoning: (text) => (told += text) });
    return told;
  };
  expect(known("hm</think>Hello", { startsInside: true })).toBe("hm");
  expect(known("Hello", { startsInside: true })).toBe("");
  expect(known("<think>hm</think>Hello")).toBe("hm");
  expect(known("hm</think>Hello")).toBe("hm");
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
