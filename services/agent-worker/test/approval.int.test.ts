import { isTerminal } from "@parley/protocol";
import { expect, it } from "vitest";
import { firstCall, startApprovalBench } from "./approval-bench.ts";
import { expectSoundChain, textOf } from "./chain-check.ts";

const askOnce = 'call the tool ask with {"x":1}';

it("P11: waits for a person, held by nobody, and goes on through another worker", async () => {
  await using bench = await startApprovalBench();
  const first = await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  await first.stop();
  expect(bench.effects.size).toBe(0);
  await bench.addApprovalWorker();
  await bench.decide(turn, { approved: true });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ tool_name: "ask", status: "completed" }] });
  expect([...bench.effects]).toEqual([[firstCall(turn), 1]]);
  const events = await bench.eventsOf(turn);
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
  expect(events.filter(({ type }) => type === "turn_restarted")).toEqual([]);
});

it.each([
  [{ approved: false }, "Denied by Petra."],
  [{ approved: false, reason: "not today" }, "Denied by Petra: not today"],
  [{ approved: false, by: { id: "p7" } }, "Denied by p7."],
])("tells the model what a person said who did not agree: %j", async (decision, result) => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  await bench.decide(turn, { ...decision, isUntold: true });
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", tool_calls: [{ status: "denied", result }] });
  expect(bench.effects.size).toBe(0);
  const types = (await bench.eventsOf(turn)).map(({ type }) => type);
  expect(types.indexOf("approval_decided")).toBeGreaterThan(types.indexOf("waiting"));
  expect(types.indexOf("tool_call_end")).toBeGreaterThan(types.indexOf("approval_decided"));
});

it("brings the other calls of the step to their ends before it waits", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(`${askOnce} and call the tool look with {}`, { agent: "general" });
  await bench.waiting(turn);
  const types = (await bench.eventsOf(turn)).map(({ type }) => type);
  expect(types.indexOf("tool_call_end")).toBeLessThan(types.indexOf("waiting"));
  expect([...bench.effects.keys()]).toEqual([firstCall(turn, 0, 1)]);
  await bench.decide(turn, { approved: true });
  const { tool_calls } = await bench.ended(turn);
  expect(tool_calls.map(({ status }) => status)).toEqual(["completed", "completed"]);
});

it("goes on with the one of two calls that was decided, and waits for the other", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(`${askOnce} and ${askOnce}`, { agent: "general" });
  await bench.waiting(turn);
  await bench.decide(turn, { call: firstCall(turn, 0, 1), approved: true });
  await bench.waiting(turn, 2);
  expect([...bench.effects]).toEqual([[firstCall(turn, 0, 1), 1]]);
  await bench.decide(turn, { call: firstCall(turn, 0, 0), approved: false });
  const { tool_calls } = await bench.ended(turn);
  expect(tool_calls.map(({ status }) => status)).toEqual(["denied", "completed"]);
  expectSoundChain(await bench.eventsOf(turn));
});

it("waits again in a later step, and neither wait counts as a lost worker", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker({ MAX_ATTEMPTS: "1" });
  const turn = await bench.ask(`${askOnce} then ${askOnce}`, { agent: "general" });
  await bench.waiting(turn);
  await bench.decide(turn, { approved: true });
  await bench.waiting(turn, 2);
  await bench.decide(turn, { call: firstCall(turn, 1, 0), approved: true });
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", attempt: 3 });
  expect([...bench.effects.values()]).toEqual([1, 1]);
});

it("P6: ends at once when it is cancelled, with its calls as cancelled, never as unknown", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  const cancelledAt = performance.now();
  await bench.cancel(turn);
  const end = await bench.ended(turn);
  expect(performance.now() - cancelledAt).toBeLessThan(1_200);
  expect(end).toMatchObject({ type: "cancelled", tool_calls: [{ status: "cancelled" }] });
  expect(textOf(await bench.eventsOf(turn))).toBe(end.response);
  // A word that comes after that changes nothing.
  await bench.decide(turn, { approved: true });
  await expect.poll(() => bench.bus.turns.waiting(turn.conversation_id)).toEqual([]);
  expect(bench.effects.size).toBe(0);
  expect((await bench.eventsOf(turn)).filter(({ type }) => isTerminal(type))).toHaveLength(1);
});

it("expires when nobody has decided in time, and the model reads it", async () => {
  await using bench = await startApprovalBench({ ttlMs: 2_000 });
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  const result = "Nobody agreed in time, so this was not done.";
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", tool_calls: [{ status: "denied", result }] });
  const { conversation_id: conversation, turn_id } = turn;
  const decided = await bench.bus.facts.read("decided", { conversation, turn: turn_id, call: firstCall(turn) });
  expect(decided).toMatchObject({ approved: false, expired: true, reason: "expired", hash: "h" });
  const events = await bench.eventsOf(turn);
  expect(events.find(({ type }) => type === "approval_decided")).toMatchObject({ approved: false, reason: "expired" });
});
