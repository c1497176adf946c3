import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { StartError } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { expect, test } from "vitest";
import { loadAgents } from "../../src/agents/load-agents.ts";

const agent = (name: string, more = "") =>
  `name: ${name}\ndescription: Something.\nexamples: []\nsystem_prompt: Answer.\n${more}`;

async function load(files: Record<string, string>, collections: readonly string[] = []) {
  await using dir = await tempDir();
  const folder = path.join(dir.path, "agents");
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  return await loadAgents({ folder, collections }).catch((error: unknown) => {
    if (!(error instanceof StartError)) throw error;
    return error.message.replaceAll(`${folder}${path.sep}`, "").replaceAll(folder, "(folder)");
  });
}

test("reads the YAML files of a folder in the order of their names, and nothing else", async () => {
  const agents = await load({ "z.yaml": agent("general"), "a.yml": agent("car"), "notes.md": "# Notes" });
  expect(agents).toMatchObject([{ name: "car" }, { name: "general" }]);
});

test("says what is wrong in all files at once", async () => {
  const files = {
    "a.yaml": agent("car", "colour: red"),
    "b.yaml": "name: [",
    "c.yaml": agent("x", "collections: [y]"),
  };
  expect(await load(files)).toMatch(
    /^The agents cannot be used:\n {2}- a\.yaml:5: .*\n {2}- b\.yaml:1: .*\n {2}- c\.yaml:5: .*there are none$/,
  );
});

test("refuses two agents of one name", async () => {
  expect(await load({ "a.yaml": agent("general"), "b.yaml": agent("general") })).toContain(
    '- b.yaml:1: the name "general" is taken by a.yaml:1',
  );
});

test("refuses a folder in which no agent answers what is nobody's", async () => {
  expect(await load({ "a.yaml": agent("car") })).toContain('- (folder): no file describes the agent "general"');
});

test("refuses a folder that is not there", async () => {
  await expect(loadAgents({ folder: "/nowhere/agents", collections: [] })).rejects.toThrow(
    new StartError("The folder of the agents, /nowhere/agents, cannot be read."),
  );
});
