import { expect, test } from "vitest";
import { ChatRequest } from "../src/chat-request.ts";
import { readControl } from "../src/control.ts";
import { createReply } from "../src/reply.ts";
import { readTurn } from "../src/turn.ts";

const instructions = [
  "Decide which assistant is to answer a message.",
  "- general: Answers what no other is made for.",
  "- cluster: Looks into a Kubernetes cluster.",
  "- faults: Helps when the car does not work: noises, breakdowns.",
].join("\n");

function choose(message: string, previous: string | null = null): unknown {
  const request = ChatRequest.parse({
    model: "parley-simulated",
    messages: [
      { role: "system", content: instructions },
      { role: "user", content: JSON.stringify({ message, previous }) },
    ],
    tools: [{ type: "function", function: { name: "choose_agent" } }],
    tool_choice: { type: "function", function: { name: "choose_agent" } },
  });
  const control = readControl(undefined, "");
  if (!control.ok) throw new Error(control.problem);
  const { text, calls } = createReply(readTurn(request), control.control, true);
  expect(text).toBe("");
  expect(calls.map(({ name }) => name)).toEqual(["choose_agent"]);
  return JSON.parse(calls[0]?.argumentsJson ?? "{}");
}

test.each([
  ["Why does my container restart?", null, "cluster"],
  ["Warum startet mein Container neu?", null, "cluster"],
  ["The brakes make a strange noise", null, "faults"],
  ["Das Auto springt nicht an", null, "faults"],
  ["Who painted the Mona Lisa, and in which year did that happen?", null, "none"],
  ["And what else?", "faults", "faults"],
  ["And what else?", "unknown", "none"],
])("chooses by fixed rules whose %j after %j is: %s", (message, previous, agent) => {
  expect(choose(message, previous)).toEqual({ agent, confidence: expect.any(Number) });
});

test("takes what is said to the simulator for no part of the message", () => {
  expect(choose("Why does my container restart? /sim tokens=3 rate=9")).toMatchObject({ agent: "cluster" });
});
