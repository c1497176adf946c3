import { expect, it } from "vitest";
import { loadTrees, parseTree } from "../../src/tools/diagnosis/load-trees.ts";
import { createDiagnosisTools } from "../../src/tools/diagnosis/diagnosis-tools.ts";
import { createToolRegistry } from "../../src/tools/registry.ts";

const trees = await loadTrees(undefined);
const registry = createToolRegistry(createDiagnosisTools(trees));
const context = { callId: "t1-0-0", user: { id: "u" }, signal: new AbortController().signal, progress: () => {} };

async function call(name: string, args: Record<string, unknown>): Promise<string> {
  const prepared = registry.find(name)?.prepare(args);
  if (prepared === undefined || "problem" in prepared) throw new Error(prepared?.problem ?? "no such tool");
  return (await prepared.run(context)).text;
}
const start = (symptom: string): Promise<string> => call("diagnosis_start", { symptom });
const answer = (place: string, said: string): Promise<string> => call("diagnosis_answer", { place, answer: said });

it("a diagnosis goes by places from question to advice, and remembers nothing", async () => {
  const first = await start("The engine does not start");
  expect(first).toContain("Question: What happens when you turn the key");
  expect(first).toContain("1. Nothing at all");
  expect(first).toMatch(/Place: no-start$/);
  expect(await answer("no-start", "1")).toMatch(/Do the headlights shine brightly\?[^]*Place: no-start\/1$/);
  expect(await answer("no-start/1", "no, they are dim")).toContain("Jump-start the car");
  await expect(answer("no-start/1.2", "yes")).rejects.toThrow("has ended with its advice");
});

it("what is dangerous says first that nobody drives on", async () => {
  expect(await answer("warning-light/1", "an oil can")).toMatch(/^Stop driving:[^]*Call the breakdown service\.$/);
  expect(await answer("warning-light/3", "yes")).not.toContain("Stop driving");
});

it.each([
  ["My car won't start", "no-start"],
  ["Das Auto springt nicht an", "no-start"],
  ["A yellow engine light is on", "warning-light"],
  ["The brakes squeal", "brakes"],
  ["brakes", "brakes"],
])("%s begins the tree %s", async (symptom, tree) => {
  expect(await start(symptom)).toMatch(new RegExp(`Place: ${tree}$`));
});

it("what is no symptom, place or answer is told with what there is", async () => {
  await expect(start("The radio is too loud")).rejects.toThrow(/There are: .*\(brakes\).*\(no-start\)/);
  for (const place of ["nowhere", "no-start/9", "no-start/1.2.3", "no-start/x", "no-start/"])
    await expect(answer(place, "99")).rejects.toThrow(
      place === "no-start/" ? "none of the answers" : "There is no place",
    );
  await expect(answer("no-start", "perhaps")).rejects.toThrow(/none of the answers[^]*1\. Nothing at all/);
});

it("every way through the shipped trees ends with advice", () => {
  const ends = (tree: (typeof trees)[number], name: string): boolean => {
    const node = tree.nodes[name];
    return node !== undefined && ("advice" in node || node.answers.every(({ next }) => ends(tree, next)));
  };
  expect(trees.length).toBeGreaterThan(2);
  for (const tree of trees) expect(ends(tree, tree.first)).toBe(true);
});

const treeOf = (nodes: string): string => `symptom: s\nnodes:\n${nodes}`;
const problemsOf = (text: string): readonly string[] => {
  const parsed = parseTree("t", { file: "t.yaml", text });
  return parsed.ok ? [] : parsed.problems;
};
const asks = (...next: string[]): string =>
  `{ question: q, answers: [${next.map((name, index) => `{ says: a${index}, next: ${name} }`).join(", ")}] }`;

it.each([
  ["an answer that leads nowhere", `  a: ${asks("b", "c")}\n  b: { advice: x }\n`, ['t.yaml:3: there is no node "c"']],
  [
    "a circle",
    `  a: ${asks("b", "c")}\n  b: ${asks("a", "c")}\n  c: { advice: x }\n`,
    ['t.yaml:4: the answer leads back to "a"'],
  ],
  [
    "an answer that leads to its own question",
    `  a: ${asks("a", "c")}\n  c: { advice: x }\n`,
    ['t.yaml:3: the answer leads back to "a"'],
  ],
  [
    "a node that nothing leads to",
    `  a: ${asks("b", "b")}\n  b: { advice: x }\n  c: { advice: y }\n`,
    ['t.yaml:5: no answer leads to the node "c"'],
  ],
  ["a question with one answer", `  a: ${asks("b")}\n  b: { advice: x }\n`, ["t.yaml:3: nodes.a"]],
  ["a field that there is not", "  a: { advice: x, danger: true }\n", ["t.yaml:3: "]],
])("%s is a mistake, with its line", (_, nodes, problems) => {
  expect(problemsOf(treeOf(nodes))).toEqual(problems.map((one) => expect.stringContaining(one)));
});

it("two ways to one node are no circle", () => {
  expect(problemsOf(treeOf(`  a: ${asks("b", "c")}\n  b: ${asks("c", "c")}\n  c: { advice: x }\n`))).toEqual([]);
});
