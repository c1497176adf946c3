import { expect, test } from "vitest";
import { ChatRequest } from "../src/chat-request.ts";
import { createGeneration } from "../src/generation.ts";

type Message = { role: string; content: string };

function answer(...messages: Message[]): string {
  return createGeneration(ChatRequest.parse({ model: "parley-simulated", messages }), {}).text;
}

const DOCUMENTS: Message = {
  role: "system",
  content: [
    "You answer questions about cars.",
    "",
    "Context:",
    "[1] engines.md",
    "The Aurora has a 2.0 litre engine with 150 kW of power. It needs 95 octane fuel.",
    "[2] service.md",
    "The oil has to be changed every 15,000 km.",
  ].join("\n"),
};

test("answers from the sentence of the documents that fits best and names its source", () => {
  expect(answer(DOCUMENTS, { role: "user", content: "What is the engine power of the Aurora?" })).toBe(
    "The Aurora has a 2.0 litre engine with 150 kW of power. [1] (engines.md)",
  );
});

test("says that the documents do not say what they do not say", () => {
  expect(answer(DOCUMENTS, { role: "user", content: "How many penguins live in Antarctica?" })).toBe(
    "The documents do not say anything about that.",
  );
});

test("says so too when it is told that no document fits", () => {
  const none: Message = { role: "system", content: "You help.\n\nDocuments: none fit the question.\nNever guess." };
  expect(answer(none, { role: "user", content: "Which documents fit the question?" })).toBe(
    "The documents do not say anything about that.",
  );
});

test("remembers what was asked before, without its directives", () => {
  const before: Message[] = [
    { role: "user", content: "List all pods /sim rate=5" },
    { role: "assistant", content: "There are 3." },
  ];
  expect(answer(...before, { role: "user", content: "What did I ask before?" })).toBe(
    'Before this you asked:\n- "List all pods"',
  );
});

test("knows when nothing was asked before", () => {
  expect(answer({ role: "user", content: "What did I ask before?" })).toBe(
    "This is the first thing you ask in this conversation.",
  );
});

test.each(["Hello", "Who are you?", "tell me a joke"])("says that it is simulated: %s", (question) => {
  expect(answer({ role: "user", content: question })).toContain("simulated model");
});

test("says so when a question needs a tool that it was not given", () => {
  expect(answer({ role: "user", content: "list all pods" })).toContain("no tool");
});

test("summarises a conversation in the words of its user, and remembers what a summary says", () => {
  const instruction = { role: "system", content: "Summarise this conversation. Write down what is needed." };
  const first = answer(instruction, {
    role: "user",
    content: "<conversation>\nUser: I am Ada.\nAssistant: Hello.\n</conversation>",
  });
  const second = answer(instruction, {
    role: "user",
    content: `Summary of what came before:\n${first}\n\nUser: And I row.`,
  });
  expect(second.split("\n").slice(1)).toEqual(['- "I am Ada."', '- "And I row."']);
  const told = { role: "system", content: `<summary>\n${second}\n</summary>` };
  expect(answer(told, { role: "user", content: "What was my first question?" })).toContain('"I am Ada."');
});
