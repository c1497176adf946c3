import { subjects, type StoredEvent } from "@parley/protocol";
import { expect, it } from "vitest";
import type { StoredMessage } from "../src/stored-message.ts";
import { openTestBus } from "./workbench.ts";

const turn = { conversation_id: "c1", turn_id: "t1", ts: 1 };
const chain = subjects.agent(0, "c1", "t1");
const token = (n: number): StoredEvent => ({ type: "token", ...turn, attempt: 1, n, token: `w${n} ` });
const bytes = (event: StoredEvent): Uint8Array => Buffer.from(JSON.stringify(event));

it("stores an append only at the expected sequence", async () => {
  await using bench = await openTestBus();
  const { events } = bench.bus;
  const first = await events.append({ subject: chain, data: bytes(token(0)), expect: 0 });
  expect(first).toMatchObject({ kind: "stored" });
  expect(await events.append({ subject: chain, data: bytes(token(1)), expect: 0 })).toMatchObject({
    kind: "refused",
    code: 10_071,
  });
  expect((await events.last(chain))?.event).toEqual(token(0));
});

it("lets the first of two write-once events win and shows it to both", async () => {
  await using bench = await openTestBus();
  const { events } = bench.bus;
  const subject = subjects.control(0, "c1", "t1");
  const request = (by: string): StoredEvent => ({ type: "cancel_requested", ...turn, by, reason: "cancelled by user" });
  const both = await Promise.all([
    events.writeOnce(subject, request("anna")),
    events.writeOnce(subject, request("bert")),
  ]);
  expect(both.filter(({ won }) => won)).toHaveLength(1);
  expect(both[0].event).toEqual(both[1].event);
});

it("gives subscribers exactly what was stored, with the sequence before it on the same subject", async () => {
  await using bench = await openTestBus();
  const { events } = bench.bus;
  const live: StoredMessage[] = [];
  events.subscribe(events.liveOf("c1"), (message) => live.push(message));
  await events.flush();
  await events.append({ subject: chain, data: bytes(token(0)), expect: 0 });
  await events.append({ subject: chain, data: bytes(token(9)), expect: 77 });
  await events.append({ subject: chain, data: bytes(token(1)), expect: 1 });
  await expect
    .poll(() => live.map(({ subject, seq, previous }) => [subject, seq, previous]))
    .toEqual([
      [chain, 1, 0],
      [chain, 2, 1],
    ]);
});

it("reads one conversation of many in order, from and to a sequence", async () => {
  await using bench = await openTestBus();
  const { events } = bench.bus;
  for (let n = 0; n < 20; n++) {
    await events.append({ subject: chain, data: bytes(token(n)) });
    await events.append({ subject: subjects.agent(0, "c2", "t2"), data: bytes(token(n)) });
  }
  const all = await events.read("c1", { fromSeq: 1 });
  expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i + 1));
  expect((await events.read("c1", { fromSeq: 10, toSeq: 20 })).map(({ seq }) => seq)).toEqual([11, 13, 15, 17, 19]);
  expect(await events.read("c3", { fromSeq: 1 })).toEqual([]);
  expect(await events.read("c1", { fromSeq: 1_000 })).toEqual([]);
});

it("makes a deleted event stream again and goes on", async () => {
  await using bench = await openTestBus();
  const { events, nc } = bench.bus;
  const before = await events.state(0);
  await nc.request("$JS.API.STREAM.DELETE.EV_0");
  expect(await events.writeOnce(subjects.control(0, "c1", "t1"), token(0))).toMatchObject({ won: true });
  expect((await events.state(0)).createdMs).toBeGreaterThan(before.createdMs);
});

it("survives an exception of a subscriber", async () => {
  await using bench = await openTestBus();
  const { events } = bench.bus;
  let seen = 0;
  events.subscribe(events.liveOf("c1"), () => {
    seen++;
    throw new Error("a bug in a handler");
  });
  await events.flush();
  await events.append({ subject: chain, data: bytes(token(0)) });
  await events.append({ subject: chain, data: bytes(token(1)) });
  await expect.poll(() => seen).toBe(2);
});
