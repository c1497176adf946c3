import {
  encodeEvent,
  encodeJson,
  streams,
  subjects,
  turnsConsumer,
  type ChainEvent,
  type TurnRequest,
} from "@parley/protocol";
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, it } from "vitest";
import { startApprovalBench, type ApprovalBench } from "./approval-bench.ts";
import { beganElsewhere } from "../src/suspension.ts";

const askOnce = 'call the tool ask with {"x":1}';
/** What a version writes that is newer than the next one. */
const ofNewer = { v: 9, kind: "later", held: true };

const subjectOf = ({ conversation_id, turn_id }: TurnRequest, kind: string): string =>
  subjects.fact(0, conversation_id, turn_id, { kind });

/** In place of whatever is there. */
async function leave({ bus }: ApprovalBench, turn: TurnRequest, kind: "wait" | "text"): Promise<void> {
  const { kind: stored } = await bus.events.append({ subject: subjectOf(turn, kind), data: encodeJson(ofNewer) });
  if (stored !== "stored") throw new Error(stored);
}

async function kept({ bus }: ApprovalBench, turn: TurnRequest, kind: "wait" | "text"): Promise<unknown> {
  const jsm = await jetstreamManager(bus.nc);
  const message = await jsm.streams.getMessage(streams.facts(0), { last_by_subj: subjectOf(turn, kind) });
  return message?.json();
}

/** Lets the turn wait here, as if a worker of a newer version had done it. */
async function waitsThere(bench: ApprovalBench): Promise<TurnRequest> {
  const worker = await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.putBack(turn);
  await worker.kill("SIGKILL");
  await leave(bench, turn, "wait");
  return turn;
}

/** How often turns have been delivered, all together. */
async function deliveriesOf({ bus }: ApprovalBench): Promise<number> {
  const jsm = await jetstreamManager(bus.nc);
  return (await jsm.consumers.info(streams.turns, turnsConsumer)).delivered.consumer_seq;
}

it("a wait that a newer version has kept is left alone, and its turn to workers of that version", async () => {
  await using bench = await startApprovalBench();
  const turn = await waitsThere(bench);
  const before = (await bench.eventsOf(turn)).length;
  await bench.addApprovalWorker({ LOG_LEVEL: "silent" });
  const delivered = await deliveriesOf(bench);
  await bench.decide(turn, { approved: true, isUntold: true });
  // Woken, left alone, and brought again by the broker.
  await expect.poll(() => deliveriesOf(bench), { timeout: 15_000, interval: 100 }).toBeGreaterThan(delivered + 2);
  expect(await kept(bench, turn, "wait")).toEqual(ofNewer);
  expect((await bench.eventsOf(turn)).length).toBe(before);
  expect(bench.effects.size).toBe(0);
});

it("such a wait ends honestly when its time has long been over", async () => {
  await using bench = await startApprovalBench();
  const turn = await bench.ask(askOnce, { agent: "general" });
  const { conversation_id, turn_id } = turn;
  const at = (n: number) => ({ conversation_id, turn_id, attempt: 1, n, ts: Date.now() });
  const chain: ChainEvent[] = [
    { type: "claimed", ...at(0), worker: "newer" },
    { type: "thinking", ...at(1), message: "Thinking…" },
    { type: "waiting", ...at(2), for: "approval", until: Date.now() - 11 * 60_000 },
  ];
  const subject = subjects.agent(0, conversation_id, turn_id);
  for (const event of chain) await bench.bus.events.append({ subject, data: encodeEvent(event) });
  await leave(bench, turn, "wait");
  await bench.addApprovalWorker({ LOG_LEVEL: "silent" });
  expect(await bench.ended(turn)).toMatchObject({ type: "error", code: "WORKER_LOST", attempt: 2 });
  expect(await kept(bench, turn, "wait")).toEqual(ofNewer);
});

it("a turn that went on behind such a wait does not write over it when it would have to wait again", async () => {
  await using bench = await startApprovalBench();
  const turn = await bench.ask(askOnce, { agent: "general" });
  const { conversation_id, turn_id } = turn;
  const at = (attempt: number, n: number) => ({ conversation_id, turn_id, attempt, n, ts: Date.now() });
  const chain: ChainEvent[] = [
    { type: "claimed", ...at(1, 0), worker: "newer" },
    { type: "thinking", ...at(1, 1), message: "Thinking…" },
    { type: "waiting", ...at(1, 2), for: "approval", until: Date.now() + 60_000 },
    { type: "claimed", ...at(2, 0), worker: "newer" },
  ];
  const subject = subjects.agent(0, conversation_id, turn_id);
  for (const event of chain) await bench.bus.events.append({ subject, data: encodeEvent(event) });
  await leave(bench, turn, "wait");
  await bench.addApprovalWorker({ LOG_LEVEL: "silent" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ status: "failed", result: beganElsewhere }] });
  expect(await kept(bench, turn, "wait")).toEqual(ofNewer);
  expect(bench.effects.size).toBe(0);
});

it("a message that a newer version has changed is not answered as it was before, and the change is left alone", async () => {
  await using bench = await startApprovalBench();
  const first = await bench.ask("hello");
  const turn = await bench.ask("and the second", { conversation: first.conversation_id });
  await leave(bench, turn, "text");
  await bench.addApprovalWorker({ LOG_LEVEL: "silent" });
  expect(await bench.ended(first)).toMatchObject({ type: "complete" });
  expect(await bench.ended(turn)).toMatchObject({ type: "error", code: "PROCESSING_ERROR", retryable: true });
  expect(await kept(bench, turn, "text")).toEqual(ofNewer);
});
