import { setTimeout as delay } from "node:timers/promises";
import type { TurnRequest } from "@parley/protocol";
import { eventually, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { expectSoundChain } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

/** As it is by default. */
const usual = { ACK_WAIT_MS: "3000" };
const stallMs = 2_000;
/** Longer than any test. */
const writing = "tokens=3000 rate=30";
/** Within which 95 of 100 go on, and how much later the last may be: the tests of one file share a machine with others. */
const takeoverMs = 4_000;
const lastMs = takeoverMs + 1_500;
const kills = 2;

/** Writes nothing, answers nothing and beats for nothing for as long as the loop runs. */
const stallOnSignal = `process.on("SIGUSR2", () => { const end = Date.now() + ${stallMs}; while (Date.now() < end); });`;

async function startTurn(bench: Workbench): Promise<TurnRequest> {
  const turn = await bench.ask("hello", { sim: writing });
  await bench.seen(turn, ({ type }) => type === "token");
  return turn;
}

async function attemptsOf(bench: Workbench, turn: TurnRequest): Promise<number[]> {
  const events = (await bench.events(turn)).map(({ event }) => event);
  expectSoundChain(events);
  return events.flatMap((event) => (event.type === "claimed" ? [event.attempt] : []));
}

/** The longest time between two events of the chain. */
async function longestSilence(bench: Workbench, turn: TurnRequest): Promise<number> {
  const times = (await bench.events(turn)).map(({ event }) => event.ts);
  return Math.max(...times.slice(1).map((ts, i) => ts - (times[i] ?? ts)));
}

async function expectOneAttempt(env: Record<string, string>, stall: (worker: Service) => Promise<void>): Promise<void> {
  await using bench = await startWorkbench();
  const worker = await bench.addWorker({ ...usual, ...env });
  const turn = await startTurn(bench);
  await bench.addWorker(usual);
  for (let i = 0; i < 3; i++) await stall(worker);
  await bench.cancel(turn);
  expect(await bench.ended(turn)).toMatchObject({ type: "cancelled" });
  expect(await attemptsOf(bench, turn)).toEqual([1]);
  expect(await longestSilence(bench, turn)).toBeGreaterThan(stallMs * 0.9);
}

it("leaves its turns to a worker that stands still for two seconds", async () => {
  await expectOneAttempt({}, async ({ pid }) => {
    process.kill(pid, "SIGSTOP");
    await delay(stallMs);
    process.kill(pid, "SIGCONT");
    await delay(stallMs / 4);
  });
});

it("leaves its turns to a worker whose event loop is blocked for two seconds", async () => {
  const preload = `data:text/javascript,${encodeURIComponent(stallOnSignal)}`;
  await expectOneAttempt({ NODE_OPTIONS: `--import ${preload}` }, async ({ pid }) => {
    process.kill(pid, "SIGUSR2");
    await delay(stallMs * 1.25);
  });
});

it("goes on with the turns of a killed worker within seconds", async () => {
  await using bench = await startWorkbench();
  let worker = await bench.addWorker(usual);
  const times: number[] = [];
  for (let i = 0; i < kills; i++) {
    const turns = await Promise.all([startTurn(bench), startTurn(bench)]);
    const next = await bench.addWorker(usual);
    await worker.kill("SIGKILL");
    const killedAt = performance.now();
    const goesOn = async (turn: TurnRequest): Promise<void> => {
      const isOn = async () =>
        (await bench.events(turn)).some(({ event }) => event.type === "token" && event.attempt === 2);
      await eventually(isOn, { timeoutMs: 20_000, what: "a token of the next attempt" });
      times.push(performance.now() - killedAt);
    };
    await Promise.all(turns.map(goesOn));
    for (const turn of turns) await bench.cancel(turn);
    await Promise.all(turns.map(bench.ended));
    worker = next;
  }
  const sorted = times.toSorted((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(takeoverMs);
  expect(sorted.at(-1)).toBeLessThan(lastMs);
});
