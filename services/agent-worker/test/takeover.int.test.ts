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
  const turn = await bench.ask("hello", { sim: "tokens=200 rate=30" });
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
  // Still being told when the second worker is up, on a busy machine too.
  const turn = await bench.ask("hello", { sim: "tokens=200 rate=30" });
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

it("tells the recorded answer, text and all, when the events of a turn were lost after its transcript was stored", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello");
  const { conversation_id, turn_id, message_id, message } = turn;
  const common = { v: 1 as const, conversation_id, turn_id, ts: turn.accepted_at, status: "complete" as const };
  await bench.bus.transcripts.append(
    { ...common, message_id, author: { role: "user", id: turn.user.id }, message },
    { ...common, message_id: `${turn_id}-a`, author: { role: "assistant" }, message: "said before" },
  );
  await bench.addWorker();
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(end).toMatchObject({ type: "complete", response: "said before" });
  expect(textOf(events)).toBe("said before");
  expectSoundChain(events);
});
