import type { StoredEvent } from "@parley/protocol";
import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { chunk, sendJson, sendStream, startProvider, type Answer } from "./model/fake-provider.ts";
import { modelsFile } from "./models-file.ts";
import { startWorkbench } from "./workbench.ts";

const says =
  (text: string): Answer =>
  (res) =>
    sendStream(res, chunk({ content: text }), chunk({}, "stop"));
const fails: Answer = (res) => sendJson(res, 503, { error: { message: "no" } });
const hangs: Answer = () => {};
const isChoice = (event: StoredEvent) => event.type === "progress" && event.model !== undefined;
const timeout = 60_000;

/** Two models at a server each; `a` has `b` in its place. */
async function world(first: Answer, second: Answer, a: object = {}, server: object = {}) {
  const [one, two, bench] = await Promise.all([startProvider(first), startProvider(second), startWorkbench()]);
  const file = await modelsFile({
    servers: [
      { name: "one", address: one.baseURL, ...server },
      { name: "two", address: two.baseURL },
    ],
    models: [
      { name: "a", server: "one", fallbacks: ["b"], attempts: 1, ...a },
      { name: "b", server: "two", attempts: 1, prices: { in: 1, out: 2, as_of: "2026-11-30" } },
    ],
    breaker: { failures: 2 },
  });
  return {
    ...{ one, two, bench },
    addWorker: (env: Record<string, string> = {}) => bench.addWorker({ ...file.env, ...env }),
    async [Symbol.asyncDispose]() {
      for (const each of [bench, file, one, two]) await each[Symbol.asyncDispose]();
    },
  };
}

it("goes on with the model that was chosen, after a kill between the choice and the answer", { timeout }, async () => {
  let isUp = false;
  const later: Answer = (res, ...rest) => (isUp ? says("from b") : hangs)(res, ...rest);
  await using at = await world(fails, later);
  const first = await at.addWorker();
  const turn = await at.bench.ask("hello", { model: "a" });
  await at.bench.seen(turn, isChoice);
  await expect.poll(() => at.two.requests.length, { timeout: 10_000 }).toBe(1);
  const second = at.addWorker();
  await first.kill("SIGKILL");
  isUp = true;
  await second;
  const end = await at.bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", response: "from b", metadata: { model: "test-model-v2" } });
  const events = (await at.bench.events(turn)).map(({ event }) => event);
  expectSoundChain(events);
  expect(events.filter(isChoice)).toMatchObject([{ model: "b", step: "model", attempt: 1 }]);
  // Not one more request to the model that had failed.
  expect([at.one.requests.length, at.two.requests.length]).toEqual([1, 2]);
});

it("stays with it in the steps that follow", { timeout }, async () => {
  const call = { index: 0, id: "c1", type: "function", function: { name: "nowhere", arguments: "{}" } };
  const calls: Answer = (res) => sendStream(res, chunk({ tool_calls: [call] }), chunk({}, "tool_calls"));
  const steps: Answer = (res, request, nth) => (nth === 0 ? calls : says("from b"))(res, request, nth);
  await using at = await world(fails, steps);
  await at.addWorker();
  const turn = await at.bench.ask("hello", { model: "a" });
  expect(await at.bench.ended(turn)).toMatchObject({ type: "complete", response: "from b" });
  const events = (await at.bench.events(turn)).map(({ event }) => event);
  expect(events.filter(isChoice)).toHaveLength(1);
  expect([at.one.requests.length, at.two.requests.length]).toEqual([1, 2]);
});

it("is stored before the other model is asked", { timeout }, async () => {
  const seen: Promise<boolean>[] = [];
  let look = (): Promise<boolean> => Promise.resolve(false);
  const checks: Answer = (res, ...rest) => {
    seen.push(look());
    says("from b")(res, ...rest);
  };
  await using at = await world(fails, checks);
  await at.addWorker();
  const turn = await at.bench.ask("hello", { model: "a" });
  look = async () => (await at.bench.events(turn)).some(({ event }) => isChoice(event));
  await at.bench.ended(turn);
  expect(await Promise.all(seen)).toEqual([true]);
});

it("tells an operator which models are left alone, and what that costs", { timeout }, async () => {
  await using at = await world(fails, says("from b"));
  const worker = await at.addWorker();
  for (let i = 0; i < 3; i++) await at.bench.ended(await at.bench.ask(`hello ${i}`, { model: "a" }));
  expect([at.one.requests.length, at.two.requests.length]).toEqual([2, 3]);
  const admin = `http://127.0.0.1:${worker.adminPort}`;
  const ready = await fetch(`${admin}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([
    200,
    expect.stringContaining("The model a has failed too often in a row: it is left alone for a while."),
  ]);
  const figures = await (await fetch(`${admin}/metrics`)).text();
  expect(figures).toMatch(/parley_model_fallbacks_total\{[^}]*model="a",code="MODEL_UNAVAILABLE"[^}]*\} 2\b/);
  expect(figures).toMatch(/parley_model_fallbacks_total\{[^}]*model="a",code="open"[^}]*\} 1\b/);
  expect(figures).toMatch(/parley_model_breaker_state\{[^}]*model="a"[^}]*\} 1\b/);
  expect(figures).toMatch(/parley_model_calls_total\{[^}]*model="b",result="ok"[^}]*\} 3\b/);
});

it("counts what a hedged request cost in vain, as estimated", { timeout }, async () => {
  await using at = await world(hangs, says("from b"), { hedge_after_ms: 100 });
  const worker = await at.addWorker();
  const turn = await at.bench.ask("hello", { model: "a" });
  const end = await at.bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", response: "from b", usage: { estimated: true } });
  const events = (await at.bench.events(turn)).map(({ event }) => event);
  expect(events.filter(isChoice)).toMatchObject([{ model: "b" }]);
  expect(events.findIndex(isChoice)).toBeLessThan(events.findIndex(({ type }) => type === "token"));
  expect(textOf(events)).toBe("from b");
  await expect.poll(() => at.one.requests[0]?.closedAt).toBeDefined();
  const figures = await (await fetch(`http://127.0.0.1:${worker.adminPort}/metrics`)).text();
  expect(figures).toMatch(/parley_model_hedges_total\{[^}]*model="a",won="second"[^}]*\} 1\b/);
  expect(figures).toMatch(/parley_usage_tokens_total\{[^}]*model="a",purpose="answer",direction="input"[^}]*\} [1-9]/);
});

it("P6: a turn that waits for a place at its server is cancelled at once", { timeout }, async () => {
  await using at = await world(hangs, hangs, { fallbacks: [] }, { concurrent: 1 });
  await at.addWorker();
  const holding = await at.bench.ask("hello", { model: "a" });
  await expect.poll(() => at.one.requests.length, { timeout: 10_000 }).toBe(1);
  const waiting = await at.bench.ask("hello", { model: "a" });
  await at.bench.seen(waiting, (event) => event.type === "progress" && event.step === "generating");
  const since = performance.now();
  await at.bench.cancel(waiting);
  expect(await at.bench.ended(waiting)).toMatchObject({ type: "cancelled" });
  expect(performance.now() - since).toBeLessThan(3_000);
  expect(at.one.requests).toHaveLength(1);
  await at.bench.cancel(holding);
  await at.bench.ended(holding);
  await expect.poll(() => at.one.requests[0]?.closedAt).toBeDefined();
});

it("answers with the table alone: its first model is asked where nobody names one", { timeout }, async () => {
  await using at = await world(says("from a"), says("from b"));
  await at.addWorker({ OPENAI_BASE_URL: "", OPENAI_API_KEY: "", OPENAI_MODEL: "" });
  expect(await at.bench.ended(await at.bench.ask("hello"))).toMatchObject({ type: "complete", response: "from a" });
  expect(at.one.requests[0]?.body).toMatchObject({ model: "a" });
});
