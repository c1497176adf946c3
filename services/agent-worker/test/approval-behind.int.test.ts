import { messageEventOf, subjects } from "@parley/protocol";
import { expect, it } from "vitest";
import { startApprovalBench, type ApprovalBench } from "./approval-bench.ts";

const askOnce = 'call the tool ask with {"x":1}';
type Turn = Awaited<ReturnType<ApprovalBench["ask"]>>;

async function untilEmpty(bench: ApprovalBench, { conversation_id }: Turn): Promise<void> {
  await expect.poll(() => bench.bus.turns.waiting(conversation_id), { timeout: 10_000 }).toEqual([]);
}

it("P4: a turn behind one that waits is put back, whenever it came, and goes on when that one has ended", async () => {
  await using bench = await startApprovalBench();
  const worker = await bench.addApprovalWorker();
  const first = await bench.ask(`call the tool look with {} then ${askOnce}`, { agent: "general" });
  const parked = await bench.ask("hello", { conversation: first.conversation_id });
  await bench.waiting(first);
  const later = await bench.ask("hello again", { conversation: first.conversation_id });
  await bench.putBack(parked);
  await bench.putBack(later);
  expect(await bench.eventsOf(parked)).toEqual([]);
  // Held by nobody: who comes next knows of it all the same.
  await worker.kill("SIGKILL");
  await bench.addApprovalWorker();
  const decidedAt = performance.now();
  await bench.decide(first, { call: `${first.turn_id}-1-0`, approved: true });
  await bench.ended(first);
  await bench.ended(parked);
  await bench.ended(later);
  expect(performance.now() - decidedAt).toBeLessThan(5_000);
  const events = await bench.bus.events.read(first.conversation_id, { fromSeq: 1 });
  const ends = events.filter(({ data }) => Buffer.from(data).toString().startsWith('{"type":"complete"'));
  expect(ends.map(({ subject }) => subject.split(".")[4])).toEqual(
    [first, parked, later].map(({ turn_id }) => turn_id),
  );
  await untilEmpty(bench, first);
});

it("P6: an interrupt ends the one that waits, and the message behind it is answered", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const first = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(first);
  const next = await bench.ask("hello", { conversation: first.conversation_id });
  await bench.putBack(next);
  const cancelledAt = performance.now();
  await bench.cancel(first);
  expect(await bench.ended(first)).toMatchObject({ type: "cancelled" });
  expect(await bench.ended(next)).toMatchObject({ type: "complete" });
  expect(performance.now() - cancelledAt).toBeLessThan(3_000);
  await untilEmpty(bench, first);
});

it("P2: the record of a turn that was cancelled while it waited says what people were asked, as its viewers were told", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const turn = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(turn);
  await bench.cancel(turn);
  await bench.ended(turn);
  const stored = await bench.bus.transcripts.find(turn.conversation_id, turn.turn_id, 0);
  expect(stored?.answer?.parts).toMatchObject([
    { type: "text" },
    { status: "cancelled", approval: { summary: expect.any(String) } },
  ]);
});

it("P6: a turn behind one that waits is cancelled at once, and holds up nobody", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker();
  const first = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(first);
  const next = await bench.ask("hello", { conversation: first.conversation_id });
  const last = await bench.ask("hello", { conversation: first.conversation_id });
  await bench.putBack(last);
  await bench.cancel(next);
  expect(await bench.ended(next)).toMatchObject({ type: "cancelled" });
  await bench.decide(first, { approved: true });
  expect(await bench.ended(first)).toMatchObject({ type: "complete" });
  expect(await bench.ended(last)).toMatchObject({ type: "complete" });
  await untilEmpty(bench, first);
});

it("P3: a turn that was put back, and runs since, is not taken from its worker by another wake", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker({ SLOTS: "1" });
  const first = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(first);
  const next = await bench.ask("hello", { conversation: first.conversation_id, sim: "tokens=60 rate=20" });
  // As its edge does: without it nobody could tell whether others had it, and their events are forgotten.
  const { events } = bench.bus;
  const subject = subjects.user(events.shardOf(next.conversation_id), next.conversation_id, next.turn_id);
  await events.writeOnce(subject, messageEventOf(next));
  await bench.putBack(next);
  await bench.decide(first, { approved: true });
  await bench.seen(next, ({ type }) => type === "token");
  // Its own worker has no slot for another delivery of it.
  await bench.addApprovalWorker();
  await bench.bus.turns.wake(await bench.replyOf(next));
  expect(await bench.ended(next)).toMatchObject({ type: "complete" });
  const types = (await bench.eventsOf(next)).map(({ type }) => type);
  expect(types.filter((type) => type === "claimed" || type === "turn_restarted")).toEqual(["claimed"]);
  await untilEmpty(bench, first);
});

it("a turn behind one that waits ends when it has waited too long to begin", async () => {
  await using bench = await startApprovalBench();
  await bench.addApprovalWorker({ QUEUE_AGE_MS: "3000" });
  const first = await bench.ask(askOnce, { agent: "general" });
  await bench.waiting(first);
  const next = await bench.ask("hello", { conversation: first.conversation_id });
  expect(await bench.ended(next)).toMatchObject({ type: "error", code: "QUEUE_TIMEOUT", retryable: true });
  await bench.decide(first, { approved: false });
  expect(await bench.ended(first)).toMatchObject({ type: "complete" });
  await untilEmpty(bench, first);
});
