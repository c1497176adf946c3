import { expect, test } from "vitest";
import { providerFrom } from "../../src/model/provider.ts";

test("takes OpenAI with its key alone", () => {
  expect(providerFrom({ OPENAI_API_KEY: "sk-1" })).toMatchObject({
    name: "openai",
    baseURL: "https://api.openai.com/v1",
    apiKey: "sk-1",
    simulated: false,
  });
});

test("takes OpenRouter with its key alone, and tells it who asks", () => {
  expect(providerFrom({ OPENROUTER_API_KEY: "sk-or-1" })).toMatchObject({
    name: "openrouter",
    baseURL: "https://openrouter.ai/api/v1",
    apiKey: "sk-or-1",
    model: "meta-llama/llama-3.1-8b-instruct:free",
    headers: { "X-OpenRouter-Title": "Parley" },
  });
});

test("lets OPENAI_MODEL choose the model of either", () => {
  expect(providerFrom({ OPENAI_API_KEY: "k", OPENAI_MODEL: "m" }).model).toBe("m");
  expect(providerFrom({ OPENROUTER_API_KEY: "k", OPENAI_MODEL: "m" }).model).toBe("m");
});

test("prefers the OpenAI key when both are set", () => {
  expect(providerFrom({ OPENAI_API_KEY: "sk-1", OPENROUTER_API_KEY: "sk-or-1" })).toMatchObject({
    name: "openai",
    apiKey: "sk-1",
  });
});

test("asks any other server without a key", () => {
  const provider = providerFrom({ OPENAI_BASE_URL: "http://127.0.0.1:11434/v1", OPENAI_MODEL: "llama3" });
  expect(provider).toMatchObject({
    name: "openai-compatible",
    apiKey: "none",
    model: "llama3",
    simulated: false,
  });
});

test("sends the OpenRouter key to no other host", () => {
  const provider = providerFrom({
    OPENAI_BASE_URL: "http://10.0.0.1/v1",
    OPENAI_MODEL: "m",
    OPENROUTER_API_KEY: "sk-or-1",
  });
  expect(JSON.stringify(provider)).not.toContain("sk-or-1");
});

test("knows OpenRouter by its address too", () => {
  const provider = providerFrom({ OPENAI_BASE_URL: "https://openrouter.ai/api/v1", OPENROUTER_API_KEY: "sk-or-1" });
  expect(provider).toMatchObject({ name: "openrouter", apiKey: "sk-or-1" });
});

test.each([
  { OPENAI_API_KEY: "simulated", OPENAI_MODEL: "parley-simulated" },
  { OPENAI_API_KEY: "simulated" },
  { OPENAI_MODEL: "parley-simulated-fast" },
])("labels the simulator as simulated: %j", (settings) => {
  const provider = providerFrom({ OPENAI_BASE_URL: "http://127.0.0.1:8090/v1", ...settings });
  expect(provider).toMatchObject({ name: "simulated", simulated: true });
  expect(provider.model).toContain("parley-simulated");
});

test.each([
  [{}, "No language model is configured"],
  [{ OPENAI_MODEL: "m" }, "No language model is configured"],
  [{ OPENAI_BASE_URL: "localhost:8000", OPENAI_MODEL: "m" }, "not an http or https address"],
  [{ OPENAI_BASE_URL: "file:///etc/hosts", OPENAI_MODEL: "m" }, "not an http or https address"],
  [{ OPENAI_BASE_URL: "http://me:pw@h/v1", OPENAI_MODEL: "m" }, "must not contain a user name or password"],
  [{ OPENAI_BASE_URL: "http://me@h/v1", OPENAI_MODEL: "m" }, "must not contain a user name or password"],
  [{ OPENAI_BASE_URL: "http://127.0.0.1:11434/v1" }, "OPENAI_MODEL is not set"],
  [{ OPENAI_BASE_URL: "http://127.0.0.1:11434/v1", OPENAI_API_KEY: "k" }, "OPENAI_MODEL is not set"],
  [{ OPENAI_BASE_URL: "https://api.openai.com/v1" }, "OPENAI_API_KEY is not set"],
  [{ OPENAI_BASE_URL: "https://openrouter.ai/api/v1" }, "OPENROUTER_API_KEY is not set"],
])("refuses %j with one sentence", (settings, sentence) => {
  expect(() => providerFrom(settings)).toThrow(
    expect.objectContaining({ name: "StartError", message: expect.stringContaining(sentence) }),
  );
});
