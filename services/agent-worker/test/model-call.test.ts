import { createLogger, noSpan } from "@parley/runtime";
import { expect, test } from "vitest";
import { createAgentMetrics } from "../src/metrics.ts";
import { createModelCalls, type ModelCallFigures } from "../src/model-call.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const provider = { name: "openai-compatible", model: "m", baseURL: "http://127.0.0.1:1/v1" } as const;
const call = {
  ...{ parent: noSpan, model: undefined, agent: "general", conversation: "c", step: 0 },
  signal: new AbortController().signal,
};
const end = { type: "end", finish: "stop", model: "m" } as const;
const usage = { input_tokens: 7, output_tokens: 3 };

test("counts an answer, with the time to its first content", () => {
  const seen: ModelCallFigures[] = [];
  const figures = createModelCalls({ provider, log, onCall: (one) => seen.push(one), onRetry: () => {} })(call);
  figures.saw();
  figures.answered(end, usage);
  expect(seen).toMatchObject([{ model: "m", result: "ok", usage, firstTokenMs: expect.any(Number) }]);
});

test("figures that cannot be taken cost nobody an answer", () => {
  const broken = (): never => {
    throw new Error("no figures today");
  };
  const figures = createModelCalls({ provider, log, onCall: broken, onRetry: broken })(call);
  figures.retried({ code: "MODEL_UNAVAILABLE", attempt: 1, waitMs: 0 });
  figures.answered(end, usage);
  figures.failed(new Error("x"));
});

test("only configured models have labels of their own, however many names clients make up before", async () => {
  const metrics = createAgentMetrics((name) => name === "gpt-real");
  const counted = { result: "ok", durationMs: 1, firstTokenMs: 1, usage };
  for (let i = 0; i < 40; i++) metrics.modelCalled({ ...counted, model: `bogus-${i}` });
  metrics.modelCalled({ ...counted, model: "gpt-real" });
  const text = await metrics.registry.metrics();
  expect(text).toMatch(/parley_model_calls_total\{[^}]*model="other"[^}]*\} 40\b/);
  expect(text).toMatch(/parley_model_calls_total\{[^}]*model="gpt-real"[^}]*\} 1\b/);
  expect(text).not.toContain("bogus");
});

test.each([-1, Number.NaN])("a usage of %s tokens is not counted, and hurts nobody", async (tokens) => {
  const metrics = createAgentMetrics();
  const counted = { model: "m", result: "ok", durationMs: 1, firstTokenMs: 1 };
  metrics.modelCalled({ ...counted, usage: { input_tokens: tokens, output_tokens: tokens } });
  metrics.modelCalled({ ...counted, usage });
  expect(await metrics.registry.metrics()).toMatch(/parley_model_tokens_total\{[^}]*direction="input"[^}]*\} 7\b/);
});
