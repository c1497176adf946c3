import { notAgreedInTime, type FactOf, type StoredEvent, type TurnRequest } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { expect, it } from "vitest";
import { readApproval } from "../src/call-approval.ts";
import { createWaits } from "../src/waits.ts";
import { firstCall, startApprovalBench, type ApprovalBench } from "./approval-bench.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const askOnce = 'call the tool ask with {"x":1}';
const over = { approved: false, reason: "expired" };

function decisionIn(events: readonly StoredEvent[]): StoredEvent | undefined {
  return events.find(({ type }) => type === "approval_decided");
}

/** By the broker's clock, as far as anybody can wait for that. */
async function waitUntil(ms: number): Promise<void> {
  await expect.poll(() => Date.now(), { timeout: 20_000, interval: 100 }).toBeGreaterThan(ms);
}

it("an agreement that came too late, and whose edge died before it told it, is told as what it became", async () => {
  await using bench = await startApprovalBench({ ttlMs: 2_000 });
  const worker = await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  await worker.kill("SIGKILL");
  const { conversation_id: conversation, turn_id } = turn;
  const approval = await readApproval(bench.bus.facts, { conversation, turn: turn_id, call: firstCall(turn) });
  await waitUntil((approval?.asked.storedMs ?? Infinity) + 2_000 + 5_000 + 200);
  await bench.decide(turn, { approved: true, isUntold: true });
  await bench.addApprovalWorker();
  expect(await bench.ended(turn)).toMatchObject({ tool_calls: [{ status: "denied", result: notAgreedInTime }] });
  expect(decisionIn(await bench.eventsOf(turn))).toMatchObject(over);
  expect(bench.effects.size).toBe(0);
});

/** A question as a tool worker would have left it, whose time is over. */
async function askedLongAgo({ bus }: ApprovalBench, turn: TurnRequest) {
  const { conversation_id, turn_id } = turn;
  const call_id = firstCall(turn);
  const place = { v: 1, conversation_id, turn_id, call_id, hash: "h" };
  const shown = { tool_name: "ask", summary: "?", ts: 20_000, expires_at: 10_000 };
  await bus.facts.write<"asked">({ kind: "asked", ...place, ...shown });
  const read = () => readApproval(bus.facts, { conversation: conversation_id, turn: turn_id, call: call_id });
  return { place, read };
}

it("who expires a wait, and finds that somebody has agreed meanwhile, tells that the time was over", async () => {
  await using bench = await startApprovalBench();
  const { bus } = bench;
  const waits = createWaits({ bus, log });
  const [one, two] = [await bench.ask("hello"), await bench.ask("hello")];
  const late = await askedLongAgo(bench, one);
  const undecided = await late.read();
  const yes: FactOf<"decided"> = { kind: "decided", ...late.place, ts: 5, approved: true, by: { id: "p" } };
  await bus.facts.write(yes);
  const nobody = await (await askedLongAgo(bench, two)).read();
  await waits.expire([undecided, nobody].flatMap((approval) => approval ?? []));
  expect((await late.read())?.decided?.fact).toEqual(yes);
  for (const turn of [one, two]) expect(decisionIn(await bench.eventsOf(turn))).toMatchObject(over);
});
