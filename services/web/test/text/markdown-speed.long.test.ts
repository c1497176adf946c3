import { cpuUsage } from "node:process";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { createSplitter } from "../../src/text/blocks.ts";
import { WholeText } from "../../src/text/markdown-blocks.tsx";

/** Half as much again as the page has (a task of 50 ms is a long one): one machine is as much slower at one hour than at another. */
const longMs = 75;
/** 2,000 tokens a second of four characters, at 60 frames a second. */
const charsPerFrame = 134;
const answerChars = 200_000;

const paragraph = `Two of **three** pods run, \`checkout-6f7c9d\` does not: see [the docs](https://docs.example/a_b). ${"word ".repeat(60)}\n\n`;
const code = `\`\`\`yaml\n${"  name: checkout # of the shop\n".repeat(30)}\`\`\`\n\n`;
const table = `| pod | ready |\n|---|---|\n${"| checkout | **1/1** |\n".repeat(20)}\n`;
const list = `${"- item with *some* words\n  - and `one` below it\n".repeat(12)}\n`;

const texts: readonly [string, string][] = [
  ["mixed blocks", `## Part\n\n${paragraph}${code}${table}${list}`.repeat(60)],
  ["one list", `- item with **some** words and \`code\`\n`.repeat(6_000)],
  ["one loose list", `- item with **some** words\n\n  more of it\n\n`.repeat(5_000)],
  ["one table", `| pod | ready | age |\n|---|---|---|\n${"| checkout | **1/1** | 3d |\n".repeat(8_000)}`],
  ["one fence", `\`\`\`\n${"a line of a log that goes on and on\n".repeat(6_000)}`],
  ["one paragraph", "word **bold** `code` [link](https://x.example) ".repeat(5_000)],
  ["opened brackets", "[".repeat(answerChars)],
  ["stars", "*a **b ".repeat(answerChars / 7)],
  ["quotes in quotes", `${">".repeat(50)} a\n`.repeat(4_000)],
  ["deep lists", Array.from({ length: 1_000 }, (_, i) => `${" ".repeat((i % 40) * 2)}- a`).join("\n")],
  ["links to what is not defined", "[a][b] ".repeat(answerChars / 7)],
  ["autolinks", "www.example.com/(((((((( ".repeat(answerChars / 25)],
];

describe("at 2,000 tokens a second no frame of an answer of 200 KB takes long:", () => {
  test.each(texts)("%s", (name, whole) => {
    const text = whole.slice(0, answerChars);
    const split = createSplitter();
    const times: number[] = [];
    let finished = 0;
    for (let end = charsPerFrame; end <= text.length; end += charsPerFrame) {
      // Some of them are enough, two by two: what a block costs depends on how far it is.
      const isMeasured = (end / charsPerFrame) % 40 < 2;
      const began = cpuUsage();
      const { groups, last } = split(text.slice(0, end));
      const blocks = groups.flat();
      const fresh = [...blocks.slice(finished), ...(last === undefined ? [] : [last])];
      finished = blocks.length;
      if (!isMeasured) continue;
      for (const block of fresh) {
        if (block.kind === "markdown")
          renderToStaticMarkup(createElement(WholeText, { text: block.text, isLast: true }));
      }
      // Of this process, not of the clock: others may share the machine.
      const { user, system } = cpuUsage(began);
      times.push((user + system) / 1_000);
    }
    const sorted = times.toSorted((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
    process.stdout.write(
      `${name}: median ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms\n`,
    );
    expect(Number(at(0.95))).toBeLessThan(longMs);
  });
});
