import { agreementLapsed, limits } from "@parley/protocol";
import { expect, it } from "vitest";
import { readApproval } from "../src/call-approval.ts";
import { firstCall, startApprovalBench } from "./approval-bench.ts";

const ttlMs = 3_000;

it("P11: an agreement is not kept for later: a turn that nobody could go on with in time says so", async () => {
  await using bench = await startApprovalBench({ ttlMs });
  const worker = await bench.addApprovalWorker();
  const turn = await bench.ask('call the tool ask with {"x":1}', { agent: "general" });
  await bench.waiting(turn);
  await worker.kill("SIGKILL");
  await bench.decide(turn, { approved: true });
  const { conversation_id: conversation, turn_id } = turn;
  const approval = await readApproval(bench.bus.facts, { conversation, turn: turn_id, call: firstCall(turn) });
  const lapsesAtMs = (approval?.asked.storedMs ?? Infinity) + ttlMs + limits.approvalBeginGraceMs;
  await expect.poll(() => Date.now(), { timeout: 60_000, interval: 200 }).toBeGreaterThan(lapsesAtMs + 500);
  // Its tool worker would run it: it keeps to facts and knows no time.
  await bench.addApprovalWorker();
  expect(await bench.ended(turn)).toMatchObject({
    type: "complete",
    tool_calls: [{ status: "denied", result: agreementLapsed }],
  });
  expect(bench.effects.size).toBe(0);
  // What was said was said in time, and stays what viewers were told.
  const told = (await bench.eventsOf(turn)).filter(({ type }) => type === "approval_decided");
  expect(told).toMatchObject([{ approved: true, by: { id: "p" } }]);
});
