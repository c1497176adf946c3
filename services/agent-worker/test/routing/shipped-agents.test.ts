import path from "node:path";
import { expect, test } from "vitest";
import { loadAgents } from "../../src/agents/load-agents.ts";
import { loadKnowledge } from "../../src/retrieval/knowledge.ts";
import { createRouter } from "../../src/routing/router.ts";
import { developmentMessages, heldOutMessages, type LabelledMessage } from "./labelled-messages.ts";

const config = path.resolve(import.meta.dirname, "../../../../config");
const knowledge = await loadKnowledge(path.join(config, "knowledge"));
const agents = await loadAgents({ folder: path.join(config, "agents"), collections: knowledge.collections() });
const route = createRouter(agents);

function evaluate(name: string, messages: readonly LabelledMessage[]): number {
  const wrong = messages.filter(([expected, message]) => route({ message }).agent.name !== expected);
  const accuracy = 1 - wrong.length / messages.length;
  const lines = wrong.map(([expected, message]) => {
    const { agent, method, confidence } = route({ message });
    return `  ${expected}, not ${agent.name} (${method}, ${confidence}): ${message}`;
  });
  process.stdout.write(
    [`routing, ${name}: ${messages.length} messages, accuracy ${accuracy.toFixed(3)}`, ...lines, ""].join("\n"),
  );
  return accuracy;
}

test("are the five that the product comes with", () => {
  expect(agents.map(({ name }) => name)).toEqual(["general", "kubernetes", "maintenance", "specs", "troubleshooting"]);
});

test("get at least 85 of 100 messages that are not among their examples", () => {
  const examples = new Set(agents.flatMap((agent) => agent.examples.map((example) => example.toLowerCase())));
  const messages = [...developmentMessages, ...heldOutMessages];
  expect(messages.filter(([, message]) => examples.has(message.toLowerCase()))).toEqual([]);
  expect(evaluate("development", developmentMessages)).toBeGreaterThanOrEqual(0.85);
  expect(evaluate("held out", heldOutMessages)).toBeGreaterThanOrEqual(0.85);
});

test("send the question for the engine power to the technical data", () => {
  const { agent, method, confidence } = route({ message: "What is the engine power?" });
  expect([agent.name, method]).toEqual(["specs", "lexical"]);
  expect(confidence).toBeGreaterThan(0.5);
});

test.each([
  ["and in the other namespace?", "kubernetes"],
  ["and why?", "troubleshooting"],
  ["are you sure about that?", "specs"],
])("keep %j with the agent of the answer before", (message, previousAgent) => {
  expect(route({ message, previousAgent }).agent.name).toBe(previousAgent);
});

test.each(["change the counter to 42", "Please approve", "please approve: change the counter to seven"])(
  "%j goes to the agent that has the demonstration's tool, whoever answered before",
  (message) => {
    for (const previousAgent of [undefined, "kubernetes", "maintenance"])
      expect(route({ message, previousAgent }).agent.name).toBe("general");
  },
);
