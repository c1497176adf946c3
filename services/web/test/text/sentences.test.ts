import { describe, expect, test } from "vitest";
import { plainText, sentencesBehind } from "../../src/text/sentences.ts";

describe("of an answer that is written", () => {
  test("only whole sentences are said", () => {
    expect(sentencesBehind("One. Two goes o", 0, false)).toEqual({ sentences: "One.", end: 5 });
    expect(sentencesBehind("One. Two goes on. ", 5, false)).toEqual({ sentences: "Two goes on.", end: 18 });
  });

  test("nothing is said of half a word", () => {
    expect(sentencesBehind("1.5 of", 0, false)).toEqual({ sentences: "", end: 0 });
  });

  test("the rest is said when something else follows", () => {
    expect(sentencesBehind("One. I look", 5, true)).toEqual({ sentences: "I look", end: 11 });
  });

  test("the last of what was missed is said, not all of it", () => {
    const { sentences, end } = sentencesBehind("A sentence. ".repeat(200), 0, false);
    expect(sentences.length).toBeLessThan(700);
    expect(end).toBe(2_400);
  });

  test("a text that was made anew and is shorter goes on", () => {
    expect(sentencesBehind("One. ", 400, false)).toEqual({ sentences: "", end: 5 });
  });
});

test("no sign of Markdown is said", () => {
  expect(plainText("# Pods\n\n- **web** runs, see [docs](https://x.example)\n\n```js\nx\n```\nDone.")).toBe(
    "Pods web runs, see docs Done.",
  );
});

test("nothing of a block of code is said, also where it comes in pieces", () => {
  const first = "Look at this:\n```js\nconst a = 1;\n";
  const one = sentencesBehind(first, 0, false);
  expect(one.sentences).toBe("Look at this:");
  const whole = `${first}const b = 2;\n\`\`\`\nThat was it.\n`;
  expect(sentencesBehind(whole, one.end, true).sentences).toBe("That was it.");
});
