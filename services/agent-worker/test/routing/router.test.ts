import { ChatError } from "@parley/protocol";
import { expect, test } from "vitest";
import type { Agent } from "../../src/agents/agent.ts";
import { parseRule } from "../../src/agents/rule.ts";
import { createRouter } from "../../src/routing/router.ts";

const agent = (name: string, examples: readonly string[], rules: readonly string[] = []): Agent => ({
  name,
  description: "",
  examples,
  rules: rules.map(parseRule),
  systemPrompt: "",
  tools: [],
  reasoning: "folded" as const,
  collections: [],
});

const agents = [
  agent("cooking", ["How do I bake bread?", "Recipe for tomato soup", "Boil an egg"], ["recipe"]),
  agent(
    "garden",
    ["When do I plant tomatoes?", "How do I cut roses?", "Water the lawn on dry summer evenings", "Boil an egg"],
    ["/tomato(es)?/i"],
  ),
  agent("general", ["Tell me a joke"]),
];
const route = createRouter(agents);
/** One word of an example among many. */
const listings =
  "summer films, plays, concerts, circus, opera, ballet, cabaret, readings, museums, galleries, festivals, parades, markets, fireworks, regattas, races, marathons, auctions";
const decided = (input: Parameters<typeof route>[0]) => {
  const { agent: chosen, method } = route(input);
  return [chosen.name, method];
};

test.each([
  ["a named agent", { message: "Recipe for tomato soup", explicit: "garden" }, "garden", "explicit"],
  ["a rule", { message: "My favourite recipe" }, "cooking", "rule"],
  ["the examples", { message: "baking a bread" }, "cooking", "lexical"],
  ["the examples, whoever answered before", { message: "baking bread", previousAgent: "garden" }, "cooking", "lexical"],
  ["a rule, whoever answered before", { message: "tomato", previousAgent: "cooking" }, "garden", "rule"],
  ["the agent before", { message: "and in winter?", previousAgent: "garden" }, "garden", "previous"],
  ["nothing", { message: "and in winter?" }, "general", "default"],
  [
    "nothing, when nobody in particular answered before",
    { message: "x?", previousAgent: "general" },
    "general",
    "default",
  ],
  ["nothing, when the agent before is gone", { message: "and?", previousAgent: "sports" }, "general", "default"],
  ["nothing in an empty message", { message: "" }, "general", "default"],
  ["nothing, when only one word of many is known", { message: listings }, "general", "default"],
])("is decided by %s", (_what, input, name, method) => {
  expect(decided(input)).toEqual([name, method]);
});

const only =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name);

test.each([
  ["a rule", { message: "My favourite recipe" }, ["garden", "general"], "general", "default"],
  ["a rule of two", { message: "recipe: tomatoes" }, ["garden", "general"], "garden", "rule"],
  ["the examples", { message: "boil an egg" }, ["garden", "general"], "garden", "lexical"],
  [
    "the agent before",
    { message: "and in winter?", previousAgent: "cooking" },
    ["garden", "general"],
    "general",
    "default",
  ],
  ["the general one", { message: "and in winter?" }, ["garden"], "garden", "default"],
])("does not see agents that the sender may not use: not %s", (_what, input, own, name, method) => {
  expect(decided({ ...input, mayUse: only(...own) })).toEqual([name, method]);
});

test("is surer of an agent when the other that it could be may not be used", () => {
  const of = (...names: string[]) => route({ message: "boil an egg", mayUse: only(...names) }).confidence;
  expect(of("garden", "general")).toBeGreaterThan(of("garden", "cooking", "general"));
});

test("refuses whoever may use no agent", () => {
  expect(() => route({ message: "x", mayUse: only() })).toThrow(
    new ChatError("FORBIDDEN", { message: "There is no agent that you may use." }),
  );
});

test("leaves it to the examples when rules of several agents match", () => {
  const both = route({ message: "recipe: when do I plant tomatoes" });
  expect(both).toMatchObject({ agent: { name: "garden" }, method: "rule" });
  expect(both.confidence).toBeGreaterThan(0.5);
  expect(both.confidence).toBeLessThan(1);
});

test("is surer of an example of one agent than of one that two agents share", () => {
  const [own, shared] = ["bake bread", "boil an egg"].map((message) => route({ message }).confidence);
  expect(own).toBeGreaterThan(0.6);
  expect(shared).toBeLessThan(0.5);
});

test("gives all candidates, whose likelihoods are one together, and the likeliest first", () => {
  const { agent: chosen, confidence, candidates = [] } = route({ message: "bake bread" });
  expect(candidates.map(({ agent: { name } }) => name).toSorted()).toEqual(["cooking", "garden", "general"]);
  expect(candidates.reduce((sum, { likelihood }) => sum + likelihood, 0)).toBeCloseTo(1);
  expect(candidates[0]?.agent).toBe(chosen);
  expect(candidates[0]?.likelihood).toBeCloseTo(confidence, 2);
});

test("reaches an agent without examples by its rule, and not by words", () => {
  const route = createRouter([agent("hidden", [], ["open sesame"]), ...agents]);
  expect(route({ message: "Open sesame!" })).toMatchObject({
    agent: { name: "hidden" },
    method: "rule",
    confidence: 1,
  });
  const { candidates = [] } = route({ message: "bake bread" });
  expect(candidates.map(({ agent: { name } }) => name)).not.toContain("hidden");
});

test("is less sure the more the message says that no example says", () => {
  const messages = ["bake bread", "bake bread outdoors", "bake bread outdoors at midnight"];
  const confidences = messages.map((message) => route({ message }).confidence);
  expect(confidences).toEqual(confidences.toSorted((one, other) => other - one));
  expect(new Set(confidences).size).toBe(3);
});

test("is surer of the default agent the less of a message is known", () => {
  const confidences = [listings, "quantum physics"].map((message) => {
    const { agent: chosen, confidence } = route({ message });
    expect(chosen.name).toBe("general");
    return confidence;
  });
  expect(confidences[0]).toBeLessThan(confidences[1] ?? 0);
});

test("takes less than half a millisecond for a message of usual length, and little more for the longest", () => {
  const timed = (message: string): number => {
    const rounds = Array.from({ length: 20 }, () => {
      const startedMs = performance.now();
      for (let i = 0; i < 20; i++) route({ message });
      return (performance.now() - startedMs) / 20;
    });
    // Other processes have the machine as well.
    return Math.min(...rounds);
  };
  expect(timed("When do I have to plant the tomatoes in my garden?")).toBeLessThan(0.5);
  expect(timed("tomato ".repeat(2_000))).toBeLessThan(2);
});

test("refuses an agent that does not exist, and says which do", () => {
  const sentence = 'There is no agent "sports". The agents are: cooking, garden, general.';
  expect(() => route({ message: "x", explicit: "sports" })).toThrow(
    new ChatError("INVALID_FRAME", { message: sentence }),
  );
});

test("decides the same way again", () => {
  const input = { message: "How do I cut a tomato for soup?" };
  expect(route(input)).toEqual(createRouter(agents)(input));
});

test("looks for rules at the beginning of a message only", () => {
  expect(decided({ message: `${"word ".repeat(400)}recipe` })).toEqual(["general", "default"]);
});
