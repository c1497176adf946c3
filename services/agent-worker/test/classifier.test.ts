import { ChatError } from "@parley/protocol";
import { createLogger, noSpan } from "@parley/runtime";
import { expect, test, vi } from "vitest";
import { createClassifier, type ClassifierResult } from "../src/classifier.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "../src/model/model.ts";
import { createModelCalls } from "../src/model-call.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const provider = { name: "openai-compatible", model: "m", baseURL: "http://127.0.0.1:1/v1" } as const;
const agents = [
  { name: "cooking", description: "Knows recipes." },
  { name: "garden", description: "Knows plants." },
];
const end: ModelEvent = { type: "end", finish: "tool_calls", model: "m" };
const chosen = (name: string): ModelEvent[] => [
  {
    type: "tool_calls",
    calls: [{ name: "choose_agent", arguments: JSON.stringify({ agent: name, confidence: 0.8 }) }],
  },
  end,
];

/** A model that says this to each request, or fails. */
function modelThat(says: (request: ModelRequest) => readonly ModelEvent[] | Error | "nothing"): ModelClient {
  return {
    async stream(request, signal, onEvents) {
      const said = says(request);
      if (said instanceof Error) throw said;
      if (said !== "nothing") return onEvents([...said]);
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
  };
}

function classifierOn(model: ModelClient, timeoutMs = 5_000) {
  const results: ClassifierResult[] = [];
  const calls: { readonly result: string }[] = [];
  const modelCalls = createModelCalls({ provider, log, onCall: (call) => calls.push(call), onRetry: () => {} });
  const onResult = (result: ClassifierResult): void => void results.push(result);
  const classify = createClassifier({ model, modelCalls, modelName: undefined, timeoutMs, onResult, log });
  const ask = (signal = new AbortController().signal) =>
    classify({
      ...{ message: "tomato soup", previousAgent: "garden", agents, signal, span: noSpan },
      request: { conversation_id: "c", turn_id: "t1", user: { id: "u" } },
    });
  return { ask, results, calls };
}

test("asks once, in a request that can be found by its turn, for one short call", async () => {
  const asked: ModelRequest[] = [];
  const { ask, results, calls } = classifierOn(modelThat((request) => (asked.push(request), chosen("cooking"))));
  expect(await ask()).toEqual({ agent: "cooking", confidence: 0.8 });
  expect(asked).toMatchObject([{ requestId: "t1-route", toolChoice: { name: "choose_agent" }, maxOutputTokens: 256 }]);
  expect(results).toEqual(["told"]);
  expect(calls).toMatchObject([{ result: "ok" }]);
});

test.each([
  ["an agent that it was not asked about", chosen("admin"), "unusable"],
  ["an answer to the message", [{ type: "text", text: "Boil them." }, end] satisfies ModelEvent[], "unusable"],
  ["an error", new Error("no such model"), "failed"],
] as const)("goes on without %s", async (_what, said, result) => {
  const { ask, results } = classifierOn(modelThat(() => said));
  expect(await ask()).toBeUndefined();
  expect(results).toEqual([result]);
});

test("goes on at its deadline", async () => {
  const { ask, results, calls } = classifierOn(
    modelThat(() => "nothing"),
    50,
  );
  const startedMs = performance.now();
  expect(await ask()).toBeUndefined();
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  expect(results).toEqual(["late"]);
  expect(calls).toHaveLength(1);
});

test("stops with its turn, for the turn's reason", async () => {
  const { ask, results } = classifierOn(modelThat(() => "nothing"));
  const turn = new AbortController();
  const asking = ask(turn.signal);
  turn.abort(new Error("cancelled"));
  await expect(asking).rejects.toThrow("cancelled");
  expect(results).toEqual(["stopped"]);
});

test("leaves a model alone for half a minute that failed three times in a row, and then asks again", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    let isDown = true;
    const { ask, results } = classifierOn(modelThat(() => (isDown ? new Error("down") : chosen("garden"))));
    for (let n = 0; n < 5; n++) await ask();
    expect(results).toEqual(["failed", "failed", "failed", "skipped", "skipped"]);
    isDown = false;
    vi.advanceTimersByTime(30_001);
    expect(await ask()).toEqual({ agent: "garden", confidence: 0.8 });
  } finally {
    vi.useRealTimers();
  }
});

test("does not take the end of somebody's quota for a fault of the model", async () => {
  const { ask, results } = classifierOn(modelThat(() => new ChatError("QUOTA_EXCEEDED")));
  for (let n = 0; n < 5; n++) await ask();
  expect(new Set(results)).toEqual(new Set(["failed"]));
});
