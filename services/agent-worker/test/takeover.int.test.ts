import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench } from "./workbench.ts";

const slow = "tokens=60 rate=30";

it("goes on with the turn of a worker that was killed in mid-answer", async () => {
  await using bench = await startWorkbench();
  const first = await bench.addWorker();
  const turn = await bench.ask("hello", { sim: slow });
  await bench.seen(turn, ({ type }) => type === "token");
  const second = bench.addWorker();
  await first.kill("SIGKILL");
  await second;
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(end.type).toBe("complete");
  expect(events.find(({ type }) => type === "turn_restarted")).toMatchObject({ attempt: 2, text: "" });
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
});

it("fences a frozen worker that wakes up after its turn was taken over", async () => {
  await using bench = await startWorkbench();
  const frozen = await bench.addWorker();
  const turn = await bench.ask("hello", { sim: "tokens=150 rate=30" });
  await bench.seen(turn, ({ type }) => type === "token");
  await bench.addWorker();
  process.kill(frozen.pid, "SIGSTOP");
  await bench.seen(turn, ({ type }) => type === "turn_restarted");
  process.kill(frozen.pid, "SIGCONT");
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
});

it("hands its turns over within a second when it is stopped", async () => {
  await using bench = await startWorkbench();
  const first = await bench.addWorker();
  const turn = await bench.ask("hello", { sim: slow });
  await bench.seen(turn, ({ type }) => type === "token");
  await bench.addWorker();
  const stoppedAt = performance.now();
  void first.kill("SIGTERM");
  await bench.seen(turn, (event) => event.type === "claimed" && event.attempt === 2);
  expect(performance.now() - stoppedAt).toBeLessThan(1_000);
  const end = await bench.ended(turn);
  expect(end.type).toBe("complete");
  expectSoundChain((await bench.events(turn)).map(({ event }) => event));
});

it("goes on after the broker was killed and started again", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker();
  const turn = await bench.ask("hello", { sim: slow });
  await bench.seen(turn, ({ type }) => type === "token");
  await bench.nats.kill("SIGKILL");
  await bench.nats.restart();
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(end.type).toBe("complete");
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
});
