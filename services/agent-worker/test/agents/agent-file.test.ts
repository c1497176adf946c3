import { expect, test } from "vitest";
import { parseAgentFile } from "../../src/agents/agent-file.ts";

const parse = (text: string) => parseAgentFile({ file: "agents/car.yaml", text, collections: ["manual"] });

function problemsOf(text: string): readonly string[] {
  const parsed = parse(text);
  return parsed.ok ? [] : parsed.problems;
}

const fields = {
  name: "name: car",
  description: "description: Knows the car.",
  examples: "examples:\n  - How fast is it?",
  system_prompt: "system_prompt: You know the car.",
};
const agent = (changes: Partial<Record<keyof typeof fields | "more", string>> = {}) =>
  Object.values({ ...fields, more: "", ...changes }).join("\n");

test("reads an agent that says only what it must: it has no rules, tools or collections", () => {
  expect(parse(agent())).toEqual({
    ok: true,
    place: "agents/car.yaml:1",
    agent: {
      name: "car",
      description: "Knows the car.",
      examples: ["How fast is it?"],
      rules: [],
      systemPrompt: "You know the car.",
      reasoning: "folded",
      tools: [],
      collections: [],
      memory: false,
    },
  });
});

test("reads all that an agent can say", () => {
  const parsed = parse(
    agent({
      more: 'model: large\nreasoning: shown\nrules: [engine, /tyres?/i]\ntools: [demo_echo, k8s_*, "*"]\ncollections: [manual]\nmemory: true',
    }),
  );
  if (!parsed.ok) throw new Error(parsed.problems.join());
  expect(parsed.agent).toMatchObject({
    model: "large",
    reasoning: "shown",
    tools: ["demo_echo", "k8s_*", "*"],
    collections: ["manual"],
  });
  expect(parsed.agent.rules.map((rule) => rule.test("The TYRE"))).toEqual([false, true]);
});

test("waits for no tool worker to bring what the agent worker runs itself", () => {
  const toolsOf = (more: string) => {
    const parsed = parse(agent({ more }));
    return parsed.ok ? parsed.agent.tools : parsed.problems;
  };
  expect(toolsOf("tools: [remember, forget, ask_person, demo_echo]\nmemory: true")).toEqual(["demo_echo"]);
  expect(toolsOf("tools: [remember, forget]")).toEqual(["remember", "forget"]);
});

test.each([
  ["an unknown field", agent({ more: "toolz: []" }), ['agents/car.yaml:6: unknown field "toolz"']],
  [
    "a missing field, where the file begins",
    agent({ system_prompt: "model: x" }),
    ['agents/car.yaml:1: the field "system_prompt" is missing'],
  ],
  ["an empty prompt", agent({ system_prompt: "system_prompt: ''" }), ["agents/car.yaml:5: system_prompt must not be"]],
  ["a name with capitals", agent({ name: "name: Car" }), ["agents/car.yaml:1: name must be 1 to 64 lower-case"]],
  ["a list that is a text", agent({ examples: "examples: hello" }), ["agents/car.yaml:3: examples must be a list"]],
  [
    "an item that is no text",
    agent({ examples: "examples:\n  - one\n  - [two]" }),
    ["agents/car.yaml:5: examples.1 must be a text"],
  ],
  ["a bad pattern", agent({ more: "rules:\n  - ok\n  - /(/" }), ["agents/car.yaml:8: rules.1 is no valid pattern: "]],
  ["a bad tool", agent({ more: "tools:\n  - a*b" }), ["agents/car.yaml:7: tools.0 must be the name of a tool"]],
  [
    "a collection that does not exist",
    agent({ more: "collections:\n  - manual\n  - runbook" }),
    ['agents/car.yaml:8: there is no collection "runbook"; there are: manual'],
  ],
  ["broken YAML", "name: [car\ndescription: x", ["agents/car.yaml:2: "]],
  ["a key given twice", agent({ more: "name: again" }), ["agents/car.yaml:6: Map keys must be unique"]],
  ["an alias that names nothing", agent({ more: "tools: *all" }), ["agents/car.yaml:1: Unresolved alias"]],
  ["an unknown tag", agent({ more: "tools: !list []" }), ["agents/car.yaml:6: Unresolved tag: !list"]],
  ["an empty file", "", ["agents/car.yaml:1: the file is empty"]],
  ["a list instead of fields", "- name: car", ["agents/car.yaml:1: the file is not a list of fields"]],
])("refuses %s and says where", (_what, text, expected) => {
  expect(problemsOf(text)).toEqual(expected.map((problem) => expect.stringContaining(problem)));
});

test("names every problem of a file at once", () => {
  expect(problemsOf("name: Car\nexamples: 1\ncolour: red")).toHaveLength(5);
});

test("a list of safety words that there is not is a mistake", () => {
  const read = (safetyLists: string[]) =>
    parseAgentFile({ file: "agents/car.yaml", text: agent({ more: "safety: vehicle" }), collections: [], safetyLists });
  expect(read(["vehicle"])).toMatchObject({ ok: true, agent: { safety: "vehicle" } });
  expect(read(["other"])).toMatchObject({
    problems: ['agents/car.yaml:6: there is no list "vehicle" of safety words; there are: other'],
  });
});
