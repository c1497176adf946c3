import { connect, headers, type Msg } from "@nats-io/transport-node";
import { streams, subjects } from "@parley/protocol";
import { eventually, startNats } from "@parley/testkit";
import { expect, it } from "vitest";
import { placeOf } from "../src/stored-place.ts";

type Header = readonly [name: string, value: string];

const stored: readonly Header[] = [
  ["Nats-Stream", streams.events(0)],
  ["Nats-Subject", subjects.agent(0, "c1", "t1")],
  ["Nats-Sequence", "9007199254740991"],
  ["Nats-Time-Stamp", "2026-11-28T17:00:00.000000Z"],
  ["Nats-Last-Sequence", "17"],
];
const cases: readonly (readonly [name: string, sent: readonly Header[], place: object])[] = [
  ["as the broker writes them", stored, { seq: 9_007_199_254_740_991, previous: 17 }],
  ["in another order", stored.toReversed(), { seq: 9_007_199_254_740_991, previous: 17 }],
  ["behind those of the writer", [["traceparent", "00-a-b-01"], ["X", ""], ...stored], { previous: 17 }],
  ["with names that begin alike", [["Nats-Sequence-Of", "1"], ["Not-Nats-Sequence", "2"], ...stored], { previous: 17 }],
  ["twice, of which the first counts", [["Nats-Sequence", "5"], ...stored], { seq: 5, previous: 17 }],
  ["without a message before", stored.slice(0, 4), { previous: 0 }],
  ["not at all", [["traceparent", "00-a-b-01"]], { seq: 0, previous: 0 }],
];

it.each(cases)("reads the place of a live copy from its headers: %s", async (_name, sent, place) => {
  await using nats = await startNats();
  const nc = await connect({ servers: nats.url });
  const came: { place: object; viaMap: object }[] = [];
  const take = (message: Msg): void => {
    const found = placeOf(message, message.data);
    const { headers: map } = message;
    const viaMap = { seq: Number(map?.get("Nats-Sequence")), previous: Number(map?.get("Nats-Last-Sequence")) };
    came.push({ place: found, viaMap });
  };
  nc.subscribe("live.>", { callback: (_error, message) => take(message) });
  const given = headers();
  for (const [name, value] of sent) given.append(name, value);
  // Large ones come in several pieces, many small ones in one.
  const payloads = [0, 1, 200, 200_000, 3].map((bytes) => Buffer.alloc(bytes, "x"));
  for (const payload of payloads) nc.publish("live.0.c1.t1.a", payload, { headers: given });
  await eventually(() => came.length === payloads.length, { what: "all of them" });
  for (const one of came) {
    expect(one.place).toEqual(one.viaMap);
    expect(one.place).toMatchObject(place);
  }
  await nc.close();
});

it("knows a message without headers for no copy", async () => {
  await using nats = await startNats();
  const nc = await connect({ servers: nats.url });
  const seqs: number[] = [];
  nc.subscribe("live.>", { callback: (_error, message) => void seqs.push(placeOf(message, message.data).seq) });
  nc.publish("live.0.c1.t1.a", '{"type":"token"}', { reply: "NATS/1.0" });
  await eventually(() => seqs.length === 1, { what: "the message" });
  expect(seqs[0]).not.toBeGreaterThan(0);
  await nc.close();
});
