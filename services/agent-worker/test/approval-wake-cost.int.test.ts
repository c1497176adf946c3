import { subjects, type FactOf, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { foldApprovals } from "../src/approvals.ts";
import { readApproval } from "../src/call-approval.ts";
import { readTurn } from "../src/claim.ts";
import type { TurnFold } from "../src/turn-fold.ts";
import { foldWaitedTurn } from "../src/waited-turn.ts";
import { firstCall, startApprovalBench, type ApprovalBench } from "./approval-bench.ts";

const askOnce = 'call the tool ask with {"x":1}';
const wakes = 24;
/** 14.6 when this was written, of which the last two are of those that are claimed while others are not. */
const mostLookups = 17;

/** What is asked of the broker until all of them are claimed: by the operation and the stream. */
async function askedWhile({ bus }: ApprovalBench, turns: readonly TurnRequest[], act: () => Promise<unknown>) {
  const asked: string[] = [];
  const missing = new Set(turns.map(({ turn_id }) => turn_id));
  const api = bus.nc.subscribe("$JS.API.>", { callback: (_, { subject }) => void asked.push(subject.slice(8)) });
  const live = bus.nc.subscribe(subjects.allLive(0), {
    callback: (_, { subject, data }) => {
      if (!Buffer.from(data).toString().startsWith('{"type":"claimed"')) return;
      for (const turn of missing) if (subject.includes(turn)) missing.delete(turn);
    },
  });
  await bus.nc.flush();
  await act();
  await eventually(() => missing.size === 0, { what: "claims of all that were decided", timeoutMs: 20_000 });
  for (const subscription of [api, live]) subscription.unsubscribe();
  return asked;
}

it("turns that are decided together go on without a read of the event stream, and with few look-ups", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turns = await Promise.all(Array.from({ length: wakes }, () => bench.ask(askOnce, { agent: "general" })));
  for (const turn of turns) await bench.waiting(turn);
  for (const turn of turns) await bench.putBack(turn);
  const decideAll = () => Promise.all(turns.map((turn) => bench.decide(turn, { approved: false })));
  const asked = await askedWhile(bench, turns, decideAll);
  expect(asked.filter((subject) => subject.startsWith("CONSUMER.CREATE"))).toEqual([]);
  expect(asked.filter((subject) => subject.includes("INFO")).length).toBeLessThan(wakes);
  expect(asked.length / wakes).toBeLessThan(mostLookups);
  for (const turn of turns) expect(await bench.ended(turn)).toMatchObject({ type: "complete" });
});

async function waitOf({ bus }: ApprovalBench, { conversation_id, turn_id }: TurnRequest): Promise<FactOf<"wait">> {
  const fact = await bus.facts.read("wait", { conversation: conversation_id, turn: turn_id });
  if (fact?.kind !== "wait") throw new Error("the turn does not wait");
  return fact;
}

/** The chain says a little more: of the time, that of its last event, what viewers were told on the way, and where in it the steps are. */
function comparable(fold: TurnFold): object {
  const steps = fold.steps.map(({ seq: _, ...step }) => step);
  return { ...fold, steps, workedMs: 0, writtenAt: 0, answers: false, told: "", asked: [...fold.asked].toSorted() };
}

it("what is known of a turn that waited is the same by its fact as by its events", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(`call the tool look with {} then ${askOnce} then ${askOnce}`, { agent: "general" });
  await bench.waiting(turn);
  await bench.decide(turn, { call: firstCall(turn, 1), approved: false });
  await bench.waiting(turn, 2);
  const { bus } = bench;
  const { conversation_id, turn_id } = turn;
  const last = await bus.events.lastFromLeader(subjects.agent(0, conversation_id, turn_id));
  if (last === undefined) throw new Error("the turn has no chain");
  const wait = await waitOf(bench, turn);
  const byEvents = await readTurn(turn, bus, { seenSeq: last.seq, wait });
  expect(byEvents.results.size).toBe(2);
  const byFacts = await foldWaitedTurn(turn, bus, { last, wait });
  if (byFacts === undefined) throw new Error("the events must say");
  const place = { conversation: conversation_id, turn: turn_id };
  const approvals = await Promise.all(wait.calls.map((call) => readApproval(bus.facts, { ...place, call })));
  for (const fold of [byFacts, byEvents])
    foldApprovals(
      fold,
      approvals.flatMap((approval) => approval ?? []),
    );
  expect(comparable(byFacts)).toEqual(comparable(byEvents));
});

it("a fact that does not say all, or is of another attempt, is not gone by", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  const { bus } = bench;
  const last = await bus.events.lastFromLeader(subjects.agent(0, turn.conversation_id, turn.turn_id));
  if (last === undefined) throw new Error("the turn has no chain");
  const { whole, ...partial } = await waitOf(bench, turn);
  expect(whole).toBe(true);
  expect(await foldWaitedTurn(turn, bus, { last, wait: partial })).toBeUndefined();
  expect(await foldWaitedTurn(turn, bus, { last, wait: { ...partial, whole, attempt: 2 } })).toBeUndefined();
  expect(await foldWaitedTurn(turn, bus, { last, wait: { ...partial, whole } })).toBeDefined();
});
