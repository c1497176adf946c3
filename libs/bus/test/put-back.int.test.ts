import { jetstreamManager } from "@nats-io/jetstream";
import { streams, subjects, turnsConsumer, wakeConsumer, type FactOf, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { longestDelayMs, type Decision, type Delivery, type TurnQueue } from "../src/index.ts";
import { openTestBus } from "./workbench.ts";

const turn = (id: string, conversation = "c1"): TurnRequest => ({
  ...{ v: 1, turn_id: id, conversation_id: conversation, user: { id: "u" }, id },
  ...{ message_id: `${id}-u`, message: "hello", accepted_at: Date.now() },
});

async function pulled(turns: TurnQueue, expiresMs = 2_000): Promise<Delivery | undefined> {
  let found: Delivery | undefined;
  await turns.pull(1, expiresMs, (delivery) => (found = delivery));
  return found;
}

const decided = (call: string): FactOf<"decided"> => ({
  ...{ kind: "decided", v: 1, conversation_id: "c1", turn_id: "t1", ts: Date.now(), call_id: call },
  ...{ approved: true, by: { id: "u" }, hash: "h" },
});

const ackOf = (reply: string): FactOf<"ack"> => ({
  ...{ kind: "ack", v: 1, conversation_id: "c1", turn_id: "t1", ts: Date.now() },
  ...{ reply, seq: 1 },
});

it("keeps a turn that was put back away until it is woken, from any connection", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  await turns.submit(turn("t1"));
  const first = await pulled(turns);
  await first?.putBack(longestDelayMs);
  expect(await pulled(turns, 1_000)).toBeUndefined();
  await turns.wake(first?.reply ?? "");
  expect(await pulled(turns)).toMatchObject({ deliveries: 2, request: { turn_id: "t1" } });
});

it("wakes a turn of which only the place is known, also after the broker was killed", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  await turns.submit(turn("t1"));
  const first = await pulled(turns);
  await first?.putBack(longestDelayMs);
  await bench.nats.kill("SIGKILL");
  await bench.nats.restart();
  await eventually(() => turns.wakeAt(first?.seq ?? 0).then(() => true), { what: "the wake", timeoutMs: 10_000 });
  let again: Delivery | undefined;
  await eventually(async () => (again = await pulled(turns).catch(() => undefined)) !== undefined, {
    ...{ what: "the turn", timeoutMs: 15_000 },
  });
  expect(again?.request.turn_id).toBe("t1");
});

it("gives a turn back after its delay, in whole milliseconds", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  await turns.submit(turn("t1"));
  const first = await pulled(turns);
  const putAt = performance.now();
  await first?.putBack(1_500.5);
  expect(await pulled(turns, 5_000)).toMatchObject({ deliveries: 2 });
  expect(performance.now() - putAt).toBeGreaterThan(1_400);
});

it("publishes to nothing but a subject on which deliveries are answered", async () => {
  await using bench = await openTestBus();
  const heard: string[] = [];
  bench.bus.nc.subscribe(">", { callback: (_error, { subject }) => void heard.push(subject) });
  await bench.bus.nc.flush();
  for (const reply of [subjects.turns("c1"), "$JS.ACK.TURNS.agents.*", "$JS.ACK.a b", ""])
    await bench.bus.turns.wake(reply);
  await bench.bus.nc.flush();
  // What the server itself says of its own accord, and answers, are nobody's publishing.
  expect(heard.filter((subject) => !/^(_INBOX|\$JS\.EVENT)\./u.test(subject))).toEqual([]);
});

it("has no limit of deliveries that are not acknowledged", async () => {
  await using bench = await openTestBus();
  const manager = await jetstreamManager(bench.bus.nc);
  for (const [stream, consumer] of [
    [streams.turns, turnsConsumer],
    [streams.facts(0), wakeConsumer],
  ] as const) {
    expect((await manager.consumers.info(stream, consumer)).config.max_ack_pending, consumer).toBe(-1);
  }
});

it("counts the last one of facts that may be replaced, and never one that stands behind", async () => {
  await using bench = await openTestBus();
  const { facts } = bench.bus;
  const address = { conversation: "c1", turn: "t1" };
  expect(await facts.replace(ackOf("one"), () => true)).toBe(true);
  const writes = await Promise.all(["two", "three"].map((reply) => facts.replace(ackOf(reply), () => true)));
  expect(writes).toEqual([true, true]);
  expect(await facts.replace(ackOf("four"), () => false)).toBe(false);
  const last = await facts.readStored("ack", address);
  expect(last?.fact).toMatchObject({ kind: "ack" });
  expect(last?.fact.kind === "ack" && ["two", "three"].includes(last.fact.reply)).toBe(true);
  expect(Math.abs((last?.storedMs ?? 0) - Date.now())).toBeLessThan(5_000);
});

it("brings a decision again until it is acknowledged", async () => {
  await using bench = await openTestBus();
  const { facts, decisions } = bench.bus;
  await facts.write(decided("t1-0-0"));
  await facts.write({ ...ackOf("other") });
  const came: Decision[] = [];
  const pull = () => decisions.pull(0, { most: 1, expiresMs: 2_000 }, (decision) => came.push(decision));
  await pull();
  came[0]?.nak();
  await pull();
  expect(came.map(({ fact }) => fact.call_id)).toEqual(["t1-0-0", "t1-0-0"]);
  came[1]?.ack();
  await pull();
  expect(came).toHaveLength(2);
});
