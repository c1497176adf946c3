import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { halfOf, readLabelledSet } from "../../../../scripts/eval/routing/labelled-set.ts";
import { loadAgents } from "../../src/agents/load-agents.ts";
import { loadKnowledge } from "../../src/retrieval/knowledge.ts";

const root = path.resolve(import.meta.dirname, "../../../..");
const utterances = readLabelledSet(path.join(root, "evals/routing"));
const knowledge = await loadKnowledge(path.join(root, "config/knowledge"));
const agents = await loadAgents({ folder: path.join(root, "config/agents"), collections: knowledge.collections() });

/** Letters and digits in threes, so that other marks and capitals make no other message. */
function threesOf(text: string): Set<string> {
  const plain = ` ${text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim()} `;
  return new Set(Array.from({ length: plain.length - 2 }, (_, at) => plain.slice(at, at + 3)));
}

function likeness(one: Set<string>, other: Set<string>): number {
  const shared = [...one].filter((three) => other.has(three)).length;
  return shared / (one.size + other.size - shared);
}

test("has at least 160 utterances, of each kind, in several languages, each once", () => {
  expect(utterances.length).toBeGreaterThanOrEqual(160);
  const count = (is: (one: (typeof utterances)[number]) => boolean) => utterances.filter(is).length;
  for (const kind of ["plain", "confusing", "follow-up", "out-of-scope"] as const)
    expect(count((one) => one.kind === kind)).toBeGreaterThanOrEqual(30);
  expect(count(({ language }) => language === "de")).toBeGreaterThanOrEqual(30);
  expect(new Set(utterances.map(({ language }) => language)).size).toBeGreaterThanOrEqual(5);
  expect(count((one) => one.kind === "follow-up" && one.previous === undefined)).toBe(0);
  expect(new Set(utterances.map(({ say, previous }) => `${say}\n${previous}`)).size).toBe(utterances.length);
});

test("names agents that there are", () => {
  const names = new Set(agents.map(({ name }) => name));
  expect(utterances.filter(({ agent, previous = agent }) => !names.has(agent) || !names.has(previous))).toEqual([]);
});

test("has none of the agents' examples, nor one that is nearly one", () => {
  const examples = agents.flatMap(({ examples: own }) => own.map((text) => ({ text, threes: threesOf(text) })));
  const near = utterances.flatMap(({ say }) => {
    const threes = threesOf(say);
    return examples.filter((example) => likeness(threes, example.threes) > 0.8).map(({ text }) => [say, text]);
  });
  expect(near).toEqual([]);
});

test("keeps its halves: what was held out once is never worked with", () => {
  const kept = readFileSync(path.join(root, "evals/routing/held-out.txt"), "utf8").trim().split("\n");
  const heldOut = utterances.filter((one) => halfOf(one) === "held-out").map(({ say }) => say);
  expect(kept.filter((say) => !heldOut.includes(say))).toEqual([]);
  const working = new Set(utterances.filter((one) => halfOf(one) === "working").map(({ say }) => say));
  expect(kept.filter((say) => working.has(say))).toEqual([]);
  expect(heldOut.length / utterances.length).toBeGreaterThan(0.4);
});
