import { expect, test } from "vitest";
import type { Agent } from "../../src/agents/agent.ts";
import { openCandidates, withOpinion } from "../../src/routing/model-opinion.ts";
import { trustIn } from "../../src/routing/opinion-trust.ts";
import type { Candidate } from "../../src/routing/router.ts";

const agent = (name: string): Agent => ({
  ...{ name, description: "", examples: [], rules: [], systemPrompt: "", tools: [], collections: [] },
  reasoning: "folded" as const,
});
const candidate = (name: string, likelihood: number, isFallback = false): Candidate => ({
  ...{ agent: agent(name), likelihood, isFallback },
  method: isFallback ? "default" : "lexical",
});
const candidates = [candidate("cooking", 0.45), candidate("garden", 0.35), candidate("general", 0.2, true)];
const [best] = candidates;
const decided = (opinion: Parameters<typeof withOpinion>[1]) => {
  const route = withOpinion(candidates, opinion);
  return [route?.agent.name, route?.method];
};

test("is open where words are not sure, and closed where a rule or a name has decided", () => {
  if (best === undefined) throw new Error("no candidate");
  const route = { agent: best.agent, confidence: 0.45, method: "lexical" as const, candidates };
  expect(openCandidates(route)).toBe(candidates);
  expect(openCandidates({ ...route, confidence: 0.9 })).toBeUndefined();
  expect(openCandidates({ agent: best.agent, confidence: 0.5, method: "rule" })).toBeUndefined();
  expect(openCandidates({ ...route, candidates: candidates.slice(0, 1) })).toBeUndefined();
});

test("follows a model that is sure", () => {
  expect(decided({ agent: "garden", confidence: 0.95 })).toEqual(["garden", "model"]);
});

test("stays with the words when the model is not", () => {
  expect(decided({ agent: "garden", confidence: 0.02 })).toEqual(["cooking", "lexical"]);
});

test("is surer when both say the same", () => {
  expect(withOpinion(candidates, { agent: "cooking", confidence: 0.9 })?.confidence).toBeGreaterThan(0.7);
  expect(decided({ agent: "cooking", confidence: 0.9 })).toEqual(["cooking", "model"]);
});

test("goes to the agent that answers what is nobody's when the model says so", () => {
  expect(decided({ agent: undefined, confidence: 0.9 })).toEqual(["general", "default"]);
});

test("leaves it to the words whether nobody's is a message that goes on", () => {
  const following = [candidate("cooking", 0.5), { ...candidate("garden", 0.3, true), method: "previous" as const }];
  const route = withOpinion([...following, candidate("general", 0.2, true)], { agent: undefined, confidence: 0.9 });
  expect([route?.agent.name, route?.method]).toEqual(["garden", "previous"]);
});

test("has an opinion on an agent that may not answer for none", () => {
  expect(withOpinion(candidates, { agent: "admin", confidence: 1 })).toBeUndefined();
});

test("trusts a surer model more, and none without bounds", () => {
  const trusts = [0, 0.3, 0.6, 0.9, 1].map((confidence) => trustIn(confidence));
  expect(trusts).toEqual(trusts.toSorted((one, other) => one - other));
  expect(trusts[0]).toBeGreaterThan(0.05);
  expect(trusts.at(-1)).toBeLessThan(0.95);
});
