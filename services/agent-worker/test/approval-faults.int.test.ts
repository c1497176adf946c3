import { eventually } from "@parley/testkit";
import { isTerminal } from "@parley/protocol";
import { expect, it } from "vitest";
import { firstCall, startApprovalBench, type ApprovalBench } from "./approval-bench.ts";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startHoldingProxy } from "./holding-proxy.ts";

const askOnce = 'call the tool ask with {"x":1}';
type Turn = Awaited<ReturnType<ApprovalBench["ask"]>>;

async function expectOneEffect(bench: ApprovalBench, turn: Turn): Promise<void> {
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ status: "completed" }] });
  expect([...bench.effects]).toEqual([[firstCall(turn), 1]]);
  const events = await bench.eventsOf(turn);
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
  await expect.poll(() => bench.bus.turns.waiting(turn.conversation_id), { timeout: 10_000 }).toEqual([]);
}

/** What the worker says last, as the broker hears it; all answers from then on are lost. */
const points = [
  ["the fact of the wait", ".wait "],
  ["the event", '"type":"waiting"'],
  ["the fact of where it is answered", ".ack "],
  ["putting it back", '-NAK {"delay"'],
] as const;

it.each(points)("P1, P11: goes on when the worker is killed after %s", async (_what, said) => {
  await using bench = await startApprovalBench();
  await using proxy = await startHoldingProxy(bench.nats.port);
  const first = await bench.addApprovalWorker({ NATS_URL: proxy.url });
  const held = proxy.holdAfter(said);
  const turn = await bench.ask(askOnce, { agent: "general" });
  await held;
  await first.kill("SIGKILL");
  await bench.addApprovalWorker();
  await bench.waiting(turn);
  const { length } = (await bench.eventsOf(turn)).filter(({ type }) => type === "claimed");
  // Only one that was killed before anybody could know counts, and is tried again.
  expect(length).toBe(said === ".wait " ? 2 : 1);
  await bench.decide(turn, { approved: true });
  await expectOneEffect(bench, turn);
});

it.each(points)("P11: a decision that comes right after %s is not missed", async (_what, said) => {
  await using bench = await startApprovalBench();
  await using proxy = await startHoldingProxy(bench.nats.port);
  await bench.addApprovalWorker({ NATS_URL: proxy.url });
  const held = proxy.holdAfter(said);
  const turn = await bench.ask(askOnce, { agent: "general" });
  await held;
  await bench.decide(turn, { approved: true });
  proxy.release();
  await expectOneEffect(bench, turn);
});

it("P1, P11: goes on when the broker is killed while it waits, and when a person decides", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  await bench.nats.kill("SIGKILL");
  await bench.nats.restart();
  await eventually(() => bench.decide(turn, { approved: true, isUntold: true }).then(() => true), {
    ...{ what: "a decision", timeoutMs: 15_000 },
  });
  await bench.nats.kill("SIGKILL");
  await bench.nats.restart();
  await expectOneEffect(bench, turn);
});

it("P1: goes on when the worker that was woken is killed", async () => {
  await using bench = await startApprovalBench();
  const first = await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general", sim: "tokens=60 rate=30" });
  await bench.waiting(turn);
  await bench.decide(turn, { approved: true });
  await bench.seen(turn, (event) => event.type === "token" && event.token.includes("w1"));
  const second = bench.addApprovalWorker();
  await first.kill("SIGKILL");
  await second;
  await expectOneEffect(bench, turn);
});

it("shows viewers nothing when it is delivered although nobody has decided", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  const before = await bench.eventsOf(turn);
  const reply = await bench.replyOf(turn);
  await bench.bus.turns.wake(reply);
  await eventually(async () => (await bench.replyOf(turn)) !== reply, { what: "a turn that was put back again" });
  expect(await bench.eventsOf(turn)).toEqual(before);
  await bench.decide(turn, { approved: true });
  await expectOneEffect(bench, turn);
});

it("P3: a turn that runs is not taken from its worker by a wake", async () => {
  await using bench = await startApprovalBench();
  await Promise.all([bench.addApprovalWorker(), bench.addApprovalWorker(), bench.addApprovalWorker()]);
  const turn = await bench.ask(askOnce, { agent: "general", sim: "tokens=90 rate=30" });
  await bench.waiting(turn);
  const reply = await bench.replyOf(turn);
  await bench.decide(turn, { approved: true });
  await bench.seen(turn, (event) => event.type === "token" && event.token.includes("w1"));
  await bench.bus.turns.wake(reply);
  await bench.seen(turn, (event) => event.type === "token" && event.token.includes("w40"));
  await bench.bus.turns.wake(reply);
  await expectOneEffect(bench, turn);
  const claims = (await bench.eventsOf(turn)).filter(({ type }) => type === "claimed");
  expect(claims).toHaveLength(2);
});

it("P5: two workers that are woken at once run the call once, and end the turn once", async () => {
  await using bench = await startApprovalBench();
  await Promise.all([bench.addApprovalWorker(), bench.addApprovalWorker()]);
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  const reply = await bench.replyOf(turn);
  await bench.decide(turn, { approved: true });
  for (let i = 0; i < 4; i++) bench.bus.nc.publish(reply, "-NAK");
  await expectOneEffect(bench, turn);
  const events = await bench.eventsOf(turn);
  expect(events.filter(({ type }) => isTerminal(type))).toHaveLength(1);
  // One of them got it, and the other did not take it away.
  expect(events.filter(({ type }) => type === "claimed")).toHaveLength(2);
});
