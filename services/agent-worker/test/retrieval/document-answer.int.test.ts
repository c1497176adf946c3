import path from "node:path";
import { startService, type Service } from "@parley/testkit";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAgents } from "../../src/agents/load-agents.ts";
import { documentsBlock } from "../../src/retrieval/context-block.ts";
import { loadKnowledge } from "../../src/retrieval/knowledge.ts";
import { createRouter } from "../../src/routing/router.ts";

const config = path.resolve(import.meta.dirname, "../../../../config");
const knowledge = await loadKnowledge(path.join(config, "knowledge"));
const route = createRouter(
  await loadAgents({ folder: path.join(config, "agents"), collections: knowledge.collections() }),
);

let model: Service;
beforeAll(async () => {
  model = await startService("model-simulator", { SIM_TOKENS_PER_SECOND: "0" });
});
afterAll(() => model[Symbol.asyncDispose]());

/** The way of a message through router and search to the model. */
async function answerTo(message: string): Promise<string | null | undefined> {
  const { agent } = route({ message });
  const passages = knowledge.search({ query: message, collections: agent.collections, limit: 4 });
  const system = agent.collections.length === 0 ? [] : [documentsBlock(passages)];
  const client = new OpenAI({ baseURL: `http://127.0.0.1:${model.port}/v1`, apiKey: "simulated", maxRetries: 0 });
  const completion = await client.chat.completions.create({
    model: "parley-simulated",
    messages: [
      { role: "system", content: [agent.systemPrompt, ...system].join("\n\n") },
      { role: "user", content: message },
    ],
  });
  return completion.choices[0]?.message.content;
}

test.each([
  ["What is the engine power?", "The engine power of the Aurora 2 is 110 kW (150 hp) at 5,500 rpm."],
  ["What is the top speed of the car?", "The top speed is 210 km/h."],
  ["How often should the spark plugs be changed?", "Replace the spark plugs every 60,000 km."],
  ["What does CrashLoopBackOff mean?", "CrashLoopBackOff is the waiting, not the cause"],
])("the simulated model answers %j from the documents and names them", async (question, sentence) => {
  const answer = await answerTo(question);
  expect(answer).toContain(sentence);
  expect(answer).toMatch(/\(.+ › .+\)/);
  expect(answer).not.toMatch(/<\/?document/);
});

test("the simulated model says that the documents do not say what was not found in them", async () => {
  expect(await answerTo("Which radio stations are in the technical data?")).toBe(
    "The documents do not say anything about that.",
  );
});
