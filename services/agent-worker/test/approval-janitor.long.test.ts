import { encodeEvent, messageIdOf, subjects, type TurnRequest } from "@parley/protocol";
import { longestDelayMs, type Decision } from "@parley/bus";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { firstCall, startApprovalBench } from "./approval-bench.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const askOnce = 'call the tool ask with {"x":1}';
const watchful = { JANITOR_MS: "100" };

it("brings a turn back for which somebody has decided when nobody else does", { timeout: 60_000 }, async () => {
  await using bench = await startApprovalBench();
  const worker = await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  await worker.stop();
  await bench.decide(turn, { approved: true });
  // A worker that was lost after it had said that all was done.
  const taken: Decision[] = [];
  await bench.bus.decisions.pull(0, { most: 1, expiresMs: 5_000 }, (decision) => taken.push(decision));
  for (const decision of taken) decision.ack();
  expect(taken).toHaveLength(1);
  await bench.addApprovalWorker(watchful);
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", tool_calls: [{ status: "completed" }] });
  expect([...bench.effects]).toEqual([[firstCall(turn), 1]]);
});

it("leaves alone what waits, however long nobody decides", { timeout: 60_000 }, async () => {
  await using bench = await startApprovalBench();
  await Promise.all([bench.addApprovalWorker(watchful), bench.addApprovalWorker(watchful)]);
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  const before = await bench.eventsOf(turn);
  const reply = await bench.replyOf(turn);
  const since = performance.now();
  await eventually(() => performance.now() - since > 15_000, { what: "time to think", timeoutMs: 20_000 });
  expect(await bench.eventsOf(turn)).toEqual(before);
  expect(await bench.replyOf(turn)).toBe(reply);
});

/** One that waits for a person, as far as its chain says. */
async function submitWaiting({ bus }: Workbench, id: string): Promise<void> {
  const place = { conversation_id: `c${id}`, turn_id: id };
  const message = { id, message_id: messageIdOf(id, "user"), message: "hello", accepted_at: Date.now() };
  const request: TurnRequest = { v: 1, ...place, user: { id: "u" }, ...message };
  await bus.turns.submit(request);
  const waiting = {
    type: "waiting" as const,
    ...place,
    ts: Date.now(),
    attempt: 1,
    n: 1,
    for: "approval",
    until: 9e12,
  };
  await bus.events.append({ subject: subjects.agent(0, `c${id}`, id), data: encodeEvent(waiting) });
}

it(
  "looks at the whole queue by and by, although more than it looks at in one go wait at its front",
  { timeout: 120_000 },
  async () => {
    await using bench = await startWorkbench();
    const { turns, events } = bench.bus;
    for (let from = 0; from < 1_100; from += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => submitWaiting(bench, `w${from + i}`)));
      await turns.pull(100, 5_000, (delivery) => void delivery.putBack(longestDelayMs));
    }
    const ended = await bench.ask("hello");
    await turns.pull(1, 2_000, (delivery) => void delivery.putBack(longestDelayMs));
    const { conversation_id, turn_id } = ended;
    const outcome = { response: "", message_id: "m", tool_calls: [], usage: { input_tokens: 0, output_tokens: 0 } };
    await events.writeOnce(subjects.agent(0, conversation_id, turn_id), {
      ...{ type: "complete", conversation_id, turn_id, ts: 1, attempt: 1, n: 0, metadata: {} },
      ...outcome,
    });
    await bench.addWorker(watchful);
    await expect.poll(() => turns.waiting(conversation_id), { timeout: 60_000 }).toEqual([]);
    expect((await turns.backlog()).delivered).toBeGreaterThanOrEqual(1_100);
  },
);
