import { StartError } from "@parley/runtime";
import { expect, test } from "vitest";
import { defaultProvider } from "../../src/model/default-provider.ts";
import { ModelsFile, toModelTable } from "../../src/model/model-table.ts";

const table = (file: object) => toModelTable(ModelsFile.parse(file), (_path, variable) => `value of ${variable}`);
const described = table({
  servers: [{ name: "main", address: "https://llm.example/v1", key_env: "KEY", headers: { "x-team": "chat" } }],
  models: [{ name: "large", id: "vendor/large-2", server: "main" }],
});

test("the environment goes before the table", () => {
  const settings = { OPENAI_BASE_URL: "http://127.0.0.1:1/v1", OPENAI_MODEL: "m" };
  expect(defaultProvider(settings, described)).toMatchObject({ baseURL: "http://127.0.0.1:1/v1", model: "m" });
});

test("without it the first model of the table is the one that is asked, by its name there", () => {
  expect(defaultProvider({}, described)).toEqual({
    ...{ name: "openai-compatible", baseURL: "https://llm.example/v1", apiKey: "value of KEY", model: "large" },
    ...{ simulated: false, headers: { "x-team": "chat" } },
  });
});

test.each([
  [{}, "No language model is configured"],
  [{ models: [{ name: "small" }] }, "The model small has no server with an address, and the environment names none."],
  [
    { servers: [{ name: "here" }], models: [{ name: "small", server: "here" }] },
    "The model small has no server with an address",
  ],
])("a table of %j alone is refused", (file, problem) => {
  expect(() => defaultProvider({}, table(file))).toThrow(StartError);
  expect(() => defaultProvider({}, table(file))).toThrow(problem);
});
