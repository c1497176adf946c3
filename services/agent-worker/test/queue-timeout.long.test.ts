import { randomUUID } from "node:crypto";
import { limits, messageIdOf, messagesOf, streams, subjects } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const ageMs = 2_000;
const endless = "tokens=4000 rate=20";
/** Only the worker that holds a turn ends it, or only the janitor. */
const byHolder = { QUEUE_AGE_MS: String(ageMs), JANITOR_MS: "600000", ACK_WAIT_MS: "60000" };
const byJanitor = { QUEUE_AGE_MS: String(ageMs), JANITOR_MS: "200", ACK_WAIT_MS: "60000" };
const tooLate = { type: "error", code: "QUEUE_TIMEOUT", retryable: true, response: "" };

/** Until so much time has passed since the turn was accepted, by the clocks that count. */
const untilOld = (acceptedAt: number): Promise<unknown> =>
  eventually(() => Date.now() - acceptedAt > ageMs, { what: "the age of a turn", timeoutMs: ageMs * 2 });

it("ends a turn that waited too long while no worker was there, and runs it no more", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello");
  await untilOld(turn.accepted_at);
  await bench.addWorker(byHolder);
  expect(await bench.ended(turn)).toMatchObject(tooLate);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expectSoundChain(events);
  expect(events.map(({ type }) => type)).toEqual(["message", "claimed", "ending", "error"]);
  const { turns } = await bench.bus.transcripts.tail(turn.conversation_id, { limit: 5 });
  expect(messagesOf(turns)).toMatchObject([
    { message_id: messageIdOf(turn.turn_id, "user"), message: "hello" },
    { message_id: messageIdOf(turn.turn_id, "assistant"), status: "error", code: "QUEUE_TIMEOUT" },
  ]);
  await expect.poll(() => bench.bus.turns.waiting(turn.conversation_id)).toEqual([]);
  expect(await bench.ended(await bench.ask("again"))).toMatchObject({ type: "complete" });
});

/** A running turn, and others that wait behind it. */
async function queueBehind(bench: Workbench) {
  const conversation = `c_${randomUUID()}`;
  const running = await bench.ask("hello", { conversation, sim: endless });
  const waiting = [await bench.ask("second", { conversation }), await bench.ask("third", { conversation })];
  await bench.seen(running, ({ type }) => type === "token");
  return { conversation, running, waiting };
}

it.each([
  ["the worker that holds it", byHolder],
  ["the janitor", byJanitor],
])("%s ends a turn that waits too long behind another one, which goes on", async (_, env) => {
  await using bench = await startWorkbench();
  await bench.addWorker(env);
  const { conversation, running, waiting } = await queueBehind(bench);
  for (const turn of waiting) expect(await bench.ended(turn)).toMatchObject(tooLate);
  // They keep their places until it is their time (ADR 6).
  expect(await bench.bus.turns.waiting(conversation)).toHaveLength(3);
  await bench.cancel(running);
  expect(await bench.ended(running)).toMatchObject({ type: "cancelled", attempt: 1 });
  await expect.poll(() => bench.bus.turns.waiting(conversation)).toEqual([]);
  for (const turn of [running, ...waiting]) expectSoundChain((await bench.events(turn)).map(({ event }) => event));
});

it("ends turns that no worker has room for", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker({ ...byJanitor, SLOTS: "1" });
  const running = await bench.ask("hello", { sim: endless });
  await bench.seen(running, ({ type }) => type === "token");
  const turn = await bench.ask("hello");
  expect(await bench.ended(turn)).toMatchObject(tooLate);
  await expect.poll(() => bench.bus.turns.waiting(turn.conversation_id)).toEqual([]);
});

it("goes on with a turn that had begun in time, however old it is when its worker is lost", async () => {
  await using bench = await startWorkbench();
  const first = await bench.addWorker({ ...byJanitor, ACK_WAIT_MS: "2000" });
  const turn = await bench.ask("hello", { sim: "tokens=150 rate=30" });
  await bench.seen(turn, ({ type }) => type === "token");
  await untilOld(turn.accepted_at);
  await first.kill("SIGKILL");
  await bench.addWorker({ ...byJanitor, ACK_WAIT_MS: "2000" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", attempt: 2 });
  expect(textOf((await bench.events(turn)).map(({ event }) => event))).toBe(end.response);
});

/** As a newer version would write it: of this turn only its name can be read. */
async function askUnreadably(bench: Workbench, conversation: string) {
  const turn_id = randomUUID().replaceAll("-", "");
  const turn = { v: 99, turn_id, conversation_id: conversation };
  await bench.bus.nc.request(subjects.turns(conversation), JSON.stringify(turn));
  return { ...(await bench.ask("after", { conversation })), turn_id };
}

it("ends a turn that nobody can read when it has waited too long, and runs it never", async () => {
  await using bench = await startWorkbench();
  const conversation = `c_${randomUUID()}`;
  // Before it is asked: a worker may take longer to start than a turn may wait here.
  await bench.addWorker({ ...byHolder, ACK_WAIT_MS: "2000" });
  const running = await bench.ask("hello", { conversation, sim: endless });
  await bench.seen(running, ({ type }) => type === "token");
  const unreadable = await askUnreadably(bench, conversation);
  expect(await bench.ended(unreadable)).toMatchObject(tooLate);
  await bench.cancel(running);
  const { turns } = bench.bus;
  await expect.poll(() => turns.backlog(), { timeout: 15_000 }).toEqual({ waiting: 0, delivered: 0 });
  expect((await bench.events(unreadable)).map(({ event }) => event.type)).toEqual([
    "message",
    "claimed",
    "ending",
    "error",
  ]);
});

it("leaves a turn that it cannot read and that is not too old to a newer version", async () => {
  await using bench = await startWorkbench();
  const unreadable = await askUnreadably(bench, `c_${randomUUID()}`);
  await bench.addWorker({ JANITOR_MS: "100" });
  // The one behind it, which is read.
  await expect.poll(() => bench.bus.turns.waiting(unreadable.conversation_id), { timeout: 15_000 }).toEqual([]);
  expect(await bench.events(unreadable)).toEqual([]);
  expect((await bench.bus.turns.backlog()).delivered).toBe(1);
});

it("runs a turn that is old by the edge's clock alone", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker({ JANITOR_MS: "100" });
  const turn = await bench.ask("hello", { acceptedAt: Date.now() - 2 * limits.turnQueueAgeMs });
  expect(await bench.ended(turn)).toMatchObject({ type: "complete" });
});

it("does not end a turn a second time that ended while it waited and whose events have expired", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker(byHolder);
  const conversation = `c_${randomUUID()}`;
  const acceptedAt = Date.now() - limits.resumeWindowMs;
  const first = await bench.ask("hello", { conversation, sim: endless });
  const second = await bench.ask("again", { conversation, acceptedAt });
  await bench.seen(first, ({ type }) => type === "token");
  await bench.cancel(second);
  await bench.ended(second);
  const { nc } = bench.bus;
  const expire = (subject: string) =>
    jetstreamManager(nc).then(({ streams: all }) => all.purge(streams.events(0), { filter: subject }));
  await expire(`${subjects.eventsOf(0, conversation).slice(0, -1)}${second.turn_id}.>`);
  await bench.cancel(first);
  await bench.ended(first);
  await expect.poll(() => bench.bus.turns.waiting(conversation)).toEqual([]);
  expect(await bench.events(second)).toEqual([]);
});
