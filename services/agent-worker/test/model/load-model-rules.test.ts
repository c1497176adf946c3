import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { StartError } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { expect, test } from "vitest";
import { loadModelRules } from "../../src/model/load-model-rules.ts";
import { Abilities } from "../../src/model/model-rules.ts";

const shipped = fileURLToPath(new URL("../../../../config/models.yaml", import.meta.url));

async function load(text: string) {
  await using dir = await tempDir();
  const file = path.join(dir.path, "models.yaml");
  await writeFile(file, text);
  return await loadModelRules(file).catch((error: unknown) => {
    if (!(error instanceof StartError)) throw error;
    return error.message.replaceAll(dir.path + path.sep, "");
  });
}

test("the shipped file can be read, and names every ability", async () => {
  expect(await loadModelRules()).toEqual([]);
  const text = await readFile(shipped, "utf8");
  expect(Object.keys(Abilities.shape).filter((name) => !text.includes(`#   ${name}: `))).toEqual([]);
});

test("rules have names of models and servers, and what these take", async () => {
  expect(
    await load("models:\n  - model: gemma*\n    tools: false\n    system_role: user\n  - server: llm.example\n"),
  ).toEqual([
    { model: "gemma*", server: "*", tools: false, system_role: "user" },
    { model: "*", server: "llm.example" },
  ]);
});

test("every problem is told with its line", async () => {
  const text = "models:\n  - model: a\n    tols: false\n  - call_ids: short\n    tools: maybe\n";
  const told = await load(text);
  expect(told).toMatch(/^The models cannot be used:\n {2}- models\.yaml:3: unknown field "tols"\n/);
  expect(told).toMatch(/models\.yaml:4: models\.1\.call_ids must be /);
  expect(told).toMatch(/models\.yaml:5: models\.1\.tools must be /);
});

test.each([
  ["", "models.yaml:1: the file is empty"],
  ["models: 7", "models.yaml:1: models must be a list"],
  ["rules: []", 'models.yaml:1: the field "models" is missing'],
  ["models: [", "models.yaml:1: "],
])("a file of %j is refused", async (text, problem) => {
  expect(await load(text)).toContain(problem);
});

test("a file that is not there is told by its name", async () => {
  await expect(loadModelRules("/nowhere/models.yaml")).rejects.toThrow("/nowhere/models.yaml, cannot be read");
});
