import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { figuresOf, isAnswerable } from "../../scripts/eval/retrieval/figures.ts";
import { halfOf, readQuestionSet } from "../../scripts/eval/retrieval/question-set.ts";
import { loadKnowledge } from "../../services/agent-worker/src/retrieval/knowledge.ts";

const root = path.resolve(import.meta.dirname, "../..");
const textOf = (file: string): string => readFileSync(path.join(root, file), "utf8");
const questions = readQuestionSet(path.join(root, "evals/retrieval"));
const knowledge = await loadKnowledge(path.join(root, "config/knowledge"));

test("there are enough questions, also such that nothing answers, in both halves", () => {
  expect(questions.length).toBeGreaterThanOrEqual(80);
  for (const half of ["working", "held-out"]) {
    const its = questions.filter((one) => halfOf(one) === half);
    expect(its.filter(isAnswerable).length).toBeGreaterThanOrEqual(35);
    expect(its.filter((one) => !isAnswerable(one)).length).toBeGreaterThanOrEqual(8);
  }
});

test("hardly a question stands in a document, as messages of errors do, and each answer does", () => {
  const texts = knowledge.passages().map(({ text }) => text.replaceAll(/\s+/g, " ").toLowerCase());
  const isIn = (text: string): boolean => texts.some((one) => one.includes(text.toLowerCase()));
  expect(questions.filter(({ ask }) => ask.includes(" ") && isIn(ask)).length).toBeLessThanOrEqual(4);
  expect(questions.filter((one) => isAnswerable(one) && !isIn(one.answer)).map(({ answer }) => answer)).toEqual([]);
});

test("what the page says was measured, and is so now", () => {
  const kept = textOf("evals/results/retrieval.md").trim();
  expect(textOf("docs/knowledge.md")).toContain(
    `<!-- begin: evals/results/retrieval.md -->\n\n${kept}\n\n<!-- end -->`,
  );
  const measured = Object.fromEntries(
    (["working", "held-out"] as const).map((half) => {
      const asked = questions
        .filter((one) => halfOf(one) === half)
        .map((question) => {
          const { ask: query, collections } = question;
          return { question, found: knowledge.search({ query, collections, limit: 5 }).map(({ text }) => text) };
        });
      return [half, figuresOf(asked)];
    }),
  );
  expect(JSON.parse(textOf("evals/results/retrieval.json"))).toEqual(measured);
});
