import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { StartError, type Environment } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { expect, test } from "vitest";
import { loadModelTable } from "../../src/model/load-model-table.ts";
import { Abilities } from "../../src/model/model-rules.ts";

const shipped = fileURLToPath(new URL("../../../../config/models.yaml", import.meta.url));

async function load(text: string, env: Environment = {}) {
  await using dir = await tempDir();
  const file = path.join(dir.path, "models.yaml");
  await writeFile(file, text);
  return await loadModelTable(file, env).catch((error: unknown) => {
    if (!(error instanceof StartError)) throw error;
    return error.message.replaceAll(dir.path + path.sep, "");
  });
}

test("the shipped file can be read, and names every ability", async () => {
  const { rules, models, servers } = await loadModelTable(undefined, {});
  expect([rules, [...models], [...servers]]).toEqual([[], [], []]);
  const text = await readFile(shipped, "utf8");
  expect(Object.keys(Abilities.shape).filter((name) => !text.includes(`#   ${name}: `))).toEqual([]);
});

test("so can the example in it, without its marks", async () => {
  const [example = ""] = /^# servers:\n[^]*?(?=\n#\n# What follows)/m.exec(await readFile(shipped, "utf8")) ?? [];
  const table = await load(example.replaceAll(/^# ?/gm, ""), { MAIN_KEY: "k", MAIN_TOKEN: "t" });
  expect(typeof table === "string" ? table : [...table.models.keys()]).toEqual(["large", "small"]);
});

test("the example of the page of models can be read", async () => {
  const page = await readFile(fileURLToPath(new URL("../../../../docs/models.md", import.meta.url)), "utf8");
  const [, example = ""] = /```yaml\n([^]*?)```/.exec(page) ?? [];
  const table = await load(example, { MAIN_KEY: "k" });
  expect(typeof table === "string" ? table : [...table.models.keys()]).toEqual(["large", "small"]);
});

test.each(["models", "rules"])("%s: rules have names of models and servers, and what these take", async (list) => {
  const text = `${list}:\n  - model: gemma*\n    tools: false\n    system_role: user\n  - server: llm.example\n`;
  expect(await load(text)).toMatchObject({
    rules: [
      { model: "gemma*", server: "*", tools: false, system_role: "user" },
      { model: "*", server: "llm.example" },
    ],
  });
});

const described = `
servers:
  - name: main
    address: https://llm.example/v1
    key_env: MAIN_KEY
    headers: { x-team: chat }
    secret_headers: { x-token: MAIN_TOKEN }
    concurrent: 20
  - name: here
models:
  - model: gemma*
    tools: false
  - name: large
    server: main
    id: vendor/large-2
    prices: { in: 3, out: 15, cached: 0.3, as_of: "2026-11-30" }
    context_tokens: 200000
    fallbacks: [small]
    first_token_ms: 8000
    total_ms: 120000
    hedge_after_ms: 1500
  - name: small
    server: here
    abilities: { tools: false }
`;

test("models have a server, a name there, prices, deadlines and models in their place; keys are the environment's", async () => {
  const table = await load(described, { MAIN_KEY: "k", MAIN_TOKEN: "t" });
  if (typeof table === "string") throw new Error(table);
  expect(table.servers.get("main")).toEqual({
    ...{ name: "main", address: "https://llm.example/v1", key: "k", concurrent: 20, queued: 1_000, queue_ms: 10_000 },
    headers: { "x-team": "chat", "x-token": "t" },
  });
  expect(table.servers.get("here")).toMatchObject({ name: "here", key: undefined });
  expect([...table.models.keys()]).toEqual(["large", "small"]);
  expect(table.models.get("large")).toMatchObject({ id: "vendor/large-2", fallbacks: ["small"], total_ms: 120_000 });
  expect(table.rules).toEqual([{ model: "gemma*", server: "*", tools: false }]);
  expect(table.priceOf("large")).toEqual({ in: 3, out: 15, cached: 0.3, currency: "USD", as_of: "2026-11-30" });
  expect(table.priceOf("small")).toBeUndefined();
});

test("a key that the environment does not have is told with the line that asks for it", async () => {
  expect(await load(described, { MAIN_TOKEN: "t", MAIN_KEY: "" })).toMatch(
    /^The models cannot be used:\n {2}- models\.yaml:5: the environment has no MAIN_KEY$/,
  );
});

test.each([
  ["models:\n  - name: a\n  - name: a\n", "models.yaml:3: models.1.name is taken by another model"],
  ["models:\n  - name: a\n    fallbacks: [b]\n", "models.yaml:3: models.0.fallbacks.0 must be the name of a model"],
  ["models:\n  - name: a\n    fallbacks: [a]\n", "models.yaml:3: models.0.fallbacks.0 must be another model"],
  ["models:\n  - name: a\n    server: b\n", "models.yaml:3: models.0.server must be the name of a server"],
  ["models:\n  - name: a\n    tools: false\n", 'models.yaml:3: unknown field "tools"'],
  ["models:\n  - name: a\n    abilities:\n      tols: false\n", 'models.yaml:4: unknown field "tols"'],
  [
    "models:\n  - name: a\n    prices: { in: 1, out: 1, as_of: 2026 }\n",
    "models.yaml:3: models.0.prices.as_of must be ",
  ],
  ["models:\n  - name: a\n    total_ms: 0\n", "models.yaml:3: models.0.total_ms must be "],
  ["servers:\n  - name: s\n    address: http://u:p@h/v1\n", "models.yaml:3: servers.0.address must not contain "],
  ["servers:\n  - name: s\n    key: sk-1\n", 'models.yaml:3: unknown field "key"'],
])("%j is refused", async (text, problem) => {
  expect(await load(text)).toContain(problem);
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
  ["model: []", 'models.yaml:1: unknown field "model"'],
  ["models: [", "models.yaml:1: "],
])("a file of %j is refused", async (text, problem) => {
  expect(await load(text)).toContain(problem);
});

test("a file that is not there is told by its name", async () => {
  await expect(loadModelTable("/nowhere/models.yaml", {})).rejects.toThrow("/nowhere/models.yaml, cannot be read");
});
