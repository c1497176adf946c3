import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  callIdOf,
  isTerminal,
  limits,
  messageIdOf,
  streams,
  subjects,
  unknownEffect,
  type FactOf,
  type TurnRequest,
} from "@parley/protocol";
import { eventually, startService, tempDir, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { expectSoundChain } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

/** By the edge's clock: so old that its events may be forgotten. */
const longAgo = (): number => Date.now() - limits.resumeWindowMs;
const of = ({ conversation_id, turn_id }: TurnRequest) => ({ v: 1, conversation_id, turn_id, ts: longAgo() });

function cancelOf(turn: TurnRequest): FactOf<"cancel"> {
  return { kind: "cancel", ...of(turn), by: "tester", reason: "cancelled by user" };
}

function calledOf(turn: TurnRequest, step: number, index: number) {
  return { ...of(turn), call_id: callIdOf(turn.turn_id, step, index), tool_name: "demo_counter", arguments: { ms: 1 } };
}

function resultOf(turn: TurnRequest, step: number, index: number): FactOf<"result"> {
  return { kind: "result", ...calledOf(turn, step, index), status: "completed", result: "Counted.", duration_ms: 1 };
}

function begunOf(turn: TurnRequest, step: number, index: number): FactOf<"begun"> {
  return { kind: "begun", ...calledOf(turn, step, index), worker: "lost" };
}

/** As if the event window had passed. */
async function forgetEvents({ bus }: Workbench, { conversation_id }: TurnRequest): Promise<void> {
  const filter = JSON.stringify({ filter: subjects.eventsOf(0, conversation_id) });
  await bus.nc.request(`$JS.API.STREAM.PURGE.${streams.events(0)}`, filter);
}

/** Workers whose agent may use every tool, and a tool worker that counts what it changes. */
async function startTools(bench: Workbench) {
  const folder = await tempDir();
  const counterFile = path.join(folder.path, "counter");
  const agent = { name: "general", description: "For tests.", examples: [], system_prompt: "Answer.", tools: ["*"] };
  await writeFile(path.join(folder.path, "general.yaml"), JSON.stringify(agent));
  const stops: AsyncDisposable[] = [];
  return {
    addWorker: (): Promise<Service> =>
      bench.addWorker({ AGENTS_DIR: folder.path, TOOLS_WAIT_MS: "5000", TOOL_QUEUE_WAIT_MS: "2000" }),
    async addToolWorker(): Promise<Service> {
      const env = { NATS_URL: bench.nats.url, REDIS_URL: bench.redis.url, DEMO_TOOLS: "1" };
      const worker = await startService("tool-worker", { ...env, DEMO_COUNTER_FILE: counterFile });
      stops.push(worker);
      return worker;
    },
    async counted(): Promise<number> {
      return (await readFile(counterFile, "utf8").catch(() => "")).split("\n").filter(Boolean).length;
    },
    async [Symbol.asyncDispose]() {
      for (const one of stops) await one[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

it("P6: a waiting turn that was cancelled never runs, though the request to cancel is forgotten", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello", { acceptedAt: longAgo() });
  await bench.bus.facts.write(cancelOf(turn));
  await bench.addWorker();
  expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", response: "", reason: "cancelled by user" });
});

it("P1: a turn that has ended gets no second end, and leaves the queue, though its events are forgotten", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello", { acceptedAt: longAgo() });
  const { conversation_id, turn_id, message_id, message } = turn;
  const common = { v: 1 as const, conversation_id, turn_id, ts: turn.accepted_at, status: "complete" as const };
  await bench.bus.transcripts.append(
    { ...common, message_id, author: { role: "user", id: turn.user.id }, message },
    { ...common, message_id: messageIdOf(turn_id, "assistant"), author: { role: "assistant" }, message: "said before" },
  );
  await bench.addWorker();
  await eventually(async () => (await bench.bus.turns.first(conversation_id)) === undefined, {
    what: "an empty queue",
  });
  expect((await bench.events(turn)).filter(({ subject }) => subject.endsWith(".a"))).toEqual([]);
  const { turns } = await bench.bus.transcripts.tail(conversation_id, { limit: 10 });
  expect(turns.map(({ answer }) => answer?.message)).toEqual(["said before"]);
});

it("P1: one that was ended while it waited, a moment ago, gets the same end again and no other, though all events are forgotten", async () => {
  await using bench = await startWorkbench();
  // Nobody is first in this conversation, so the delivery of the turn is its first one.
  const turn = await bench.ask("hello", { sim: "tokens=3" });
  const { conversation_id, turn_id, message_id, message } = turn;
  const common = { v: 1 as const, conversation_id, turn_id, ts: turn.accepted_at };
  const [asker, answerer] = [{ role: "user" as const, id: turn.user.id }, { role: "assistant" as const }];
  await bench.bus.transcripts.append(
    { ...common, message_id, author: asker, message, status: "complete" },
    { ...common, message_id: messageIdOf(turn_id, "assistant"), author: answerer, message: "", status: "cancelled" },
  );
  await bench.addWorker();
  expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", response: "" });
  expect((await bench.events(turn)).map(({ event }) => event.type)).not.toContain("thinking");
});

it("P5: calls whose results are known are not run again when all events of their turn are forgotten", async () => {
  await using bench = await startWorkbench();
  await using tools = await startTools(bench);
  const turn = await bench.ask("hello", { acceptedAt: longAgo() });
  for (const fact of [resultOf(turn, 0, 0), resultOf(turn, 0, 1), resultOf(turn, 1, 0)]) {
    await bench.bus.facts.write(begunOf(turn, 0, 0)).catch(() => undefined);
    await bench.bus.facts.write(fact);
  }
  await tools.addToolWorker();
  await tools.addWorker();
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete" });
  expect(end.tool_calls.map(({ call_id, status }) => [call_id, status])).toEqual([
    [callIdOf(turn.turn_id, 0, 0), "completed"],
    [callIdOf(turn.turn_id, 0, 1), "completed"],
    [callIdOf(turn.turn_id, 1, 0), "completed"],
  ]);
  expect(await tools.counted()).toBe(0);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(events.filter(({ type }) => type === "tool_call_end")).toHaveLength(3);
  expectSoundChain(events);
});

it("P5: a write that had begun before all was forgotten ends as unknown, and the turn says so", async () => {
  await using bench = await startWorkbench();
  await using tools = await startTools(bench);
  const turn = await bench.ask("hello", { acceptedAt: longAgo() });
  await bench.bus.facts.write(resultOf(turn, 0, 0));
  await bench.bus.facts.write(begunOf(turn, 0, 1));
  await bench.bus.facts.write(cancelOf(turn));
  await tools.addWorker();
  const end = await bench.ended(turn);
  expect(end).toMatchObject({
    type: "cancelled",
    tool_calls: [{ status: "completed" }, { status: "unknown", result: unknownEffect("cancelled.") }],
  });
  expect(await tools.counted()).toBe(0);
});

it("P5: a write that runs while its turn is cancelled ends as unknown, unless its tool says at once what it did", async () => {
  await using bench = await startWorkbench();
  await using tools = await startTools(bench);
  await tools.addToolWorker();
  await tools.addWorker();
  const turn = await bench.ask('call the tool demo_counter with {"ms":20000}', { agent: "general" });
  await eventually(async () => (await tools.counted()) === 1, { what: "the change", timeoutMs: 15_000 });
  await bench.cancel(turn);
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "cancelled", tool_calls: [{ status: "unknown" }] });
  expect(end.tool_calls[0]?.result).toBe(unknownEffect("demo_counter was cancelled."));
});

it("P5: a write that had not begun when its turn was cancelled ends as cancelled, and never begins", async () => {
  await using bench = await startWorkbench();
  await using tools = await startTools(bench);
  const offering = await tools.addToolWorker();
  await tools.addWorker();
  const first = await bench.ask("hello", { agent: "general" });
  await bench.ended(first);
  offering.freeze();
  const turn = await bench.ask('call the tool demo_counter with {"ms":1}', { agent: "general" });
  await bench.seen(turn, ({ type }) => type === "tool_call_start");
  await bench.cancel(turn);
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "cancelled", tool_calls: [{ status: "cancelled", result: "Cancelled." }] });
  const { conversation_id: conversation, turn_id, tool_calls } = { ...turn, tool_calls: end.tool_calls };
  const call = tool_calls[0]?.call_id ?? "";
  expect(await bench.bus.facts.read("begun", { conversation, turn: turn_id, call })).toMatchObject({ barred: true });
  offering.thaw();
  expect(await tools.counted()).toBe(0);
});

it("P1, P5: a turn whose worker is killed and whose events are forgotten goes on, runs its write once, and ends once", async () => {
  await using bench = await startWorkbench();
  await using tools = await startTools(bench);
  await tools.addToolWorker();
  const first = await tools.addWorker();
  const turn = await bench.ask('call the tool demo_counter with {"ms":3000}', { agent: "general" });
  await eventually(async () => (await tools.counted()) === 1, { what: "the change", timeoutMs: 15_000 });
  await first.kill("SIGKILL");
  await forgetEvents(bench, turn);
  await tools.addWorker();
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ tool_name: "demo_counter", status: "completed" }] });
  expect(await tools.counted()).toBe(1);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(events.filter(({ type }) => isTerminal(type))).toHaveLength(1);
});

it("notes the message of a turn that an edge of the version before accepted", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello", { acceptedAt: longAgo() });
  await bench.addWorker();
  await bench.ended(turn);
  const { conversation_id: conversation, turn_id } = turn;
  expect(await bench.bus.facts.read("said", { conversation, turn: turn_id })).toMatchObject({
    ...{ id: turn.id, message_id: turn.message_id, message: "hello", ts: turn.accepted_at },
  });
});
