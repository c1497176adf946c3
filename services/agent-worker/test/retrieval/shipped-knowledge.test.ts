import path from "node:path";
import { expect, test } from "vitest";
import { loadKnowledge } from "../../src/retrieval/knowledge.ts";
import { labelledQuestions, unanswerableQuestions } from "./labelled-questions.ts";

const knowledge = await loadKnowledge(path.resolve(import.meta.dirname, "../../../../config/knowledge"));
const ask = (collection: string, query: string) => knowledge.search({ query, collections: [collection], limit: 3 });

test("has the answer among the first three passages nine times out of ten, and mostly first", () => {
  const ranks = labelledQuestions.map(([collection, question, answer]) =>
    ask(collection, question).findIndex(({ text }) => text.includes(answer)),
  );
  const part = (count: number) => count / ranks.length;
  const [first, found] = [
    part(ranks.filter((rank) => rank === 0).length),
    part(ranks.filter((rank) => rank >= 0).length),
  ];
  process.stdout.write(
    `retrieval: ${ranks.length} questions, recall@1 ${first.toFixed(3)}, recall@3 ${found.toFixed(3)}\n`,
  );
  expect(found).toBeGreaterThanOrEqual(0.9);
  expect(first).toBeGreaterThanOrEqual(0.8);
});

test("finds nothing for nine out of ten questions that it does not answer", () => {
  const silent = unanswerableQuestions.filter(([collection, question]) => ask(collection, question).length === 0);
  expect(silent.length / unanswerableQuestions.length).toBeGreaterThanOrEqual(0.9);
});

test("says the engine power in the first sentence of the first passage", () => {
  const [best] = ask("vehicle-manual", "What is the engine power?");
  expect(best?.text.split("\n")[0]).toBe("The engine power of the Aurora 2 is 110 kW (150 hp) at 5,500 rpm.");
});
