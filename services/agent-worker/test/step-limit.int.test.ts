import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { chunk, sendStream, startProvider, writeChunks } from "./model/fake-provider.ts";
import { startWorkbench } from "./workbench.ts";

const maxSteps = 5;
const calls = chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "clock", arguments: "{}" } }] });

it("P7: a model that always asks for a tool is asked as often as a turn allows, also over a takeover", async () => {
  let held = 0;
  await using provider = await startProvider((res, _request, turn) => {
    writeChunks(res, chunk({ content: `Step ${turn}.` }));
    // The third request never ends, until its worker is killed.
    if (turn === 2) return void held++;
    sendStream(res, calls, chunk({}, "tool_calls"));
  });
  await using bench = await startWorkbench();
  const env = { OPENAI_BASE_URL: provider.baseURL, MAX_STEPS: String(maxSteps) };
  const first = await bench.addWorker(env);
  const turn = await bench.ask("hello");
  await expect.poll(() => held, { timeout: 10_000 }).toBe(1);
  const second = bench.addWorker(env);
  await first.kill("SIGKILL");
  await second;
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "error", code: "STEP_LIMIT", retryable: false });
  // Two steps before the takeover, the one that broke off, and what was left of five.
  expect(provider.requests).toHaveLength(2 + 1 + 3);
  expect(provider.requests.at(-1)?.body["tools"]).toBeUndefined();
  expect(end.response).toBe("Step 0.\n\nStep 1.\n\nStep 3.\n\nStep 4.\n\nStep 5.");
  expect(end.usage.output_tokens).toBeGreaterThan(0);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(events.filter(({ type }) => type === "step")).toHaveLength(maxSteps - 1);
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
});

it("P7: a turn that has used its time is not given it anew by the worker that takes it over", async () => {
  // Twice what two attempts need to get far enough: on a busy machine each takes longer.
  const turnMs = 6_000;
  await using provider = await startProvider((res, _request, turn) => {
    writeChunks(res, chunk({ content: `Attempt ${turn}. ` }));
    const more = setInterval(() => writeChunks(res, chunk({ content: "." })), 50);
    res.on("close", () => clearInterval(more));
  });
  await using bench = await startWorkbench();
  const env = { OPENAI_BASE_URL: provider.baseURL, TURN_MS: String(turnMs) };
  const turn = await bench.ask("hello");
  // Each worker has it for a while and hands it over, which is not counted as a lost attempt.
  let worker = await bench.addWorker(env);
  for (let handovers = 1; handovers < 3; handovers++) {
    await bench.seen(turn, (event) => event.type === "token" && event.attempt === handovers && event.n > 25);
    const next = bench.addWorker(env);
    await worker.stop();
    worker = await next;
  }
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "error", code: "MODEL_TIMEOUT" });
  const chain = (await bench.events(turn)).flatMap(({ event }) => ("attempt" in event ? [event] : []));
  const workedMs = [1, 2, 3].map((attempt) => {
    const times = chain.filter((event) => event.attempt === attempt).map(({ ts }) => ts);
    return times.length === 0 ? 0 : times.at(-1)! - times[0]!;
  });
  expect(workedMs.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(turnMs + 1_000);
}, 60_000);
