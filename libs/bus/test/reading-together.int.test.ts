import { jetstreamManager } from "@nats-io/jetstream";
import { encodeJson, streams, subjects } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestBus } from "./workbench.ts";

let world: Awaited<ReturnType<typeof openTestBus>>;

const conversations = 50;
const rounds = 40;

beforeAll(async () => {
  world = await openTestBus();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < conversations; i++) {
      world.bus.nc.publish(subjects.agent(0, `c${i}`, "t"), encodeJson({ type: "token", round, of: `c${i}` }));
    }
    await world.bus.events.flush();
  }
});
afterAll(() => world[Symbol.asyncDispose]());

/** Sequences are dealt out in turn, one round after the other. */
function seqOf(conversation: number, round: number): number {
  return round * conversations + conversation + 1;
}

it("gives each of many readers at once what it asked for, in order, as if it had read alone", async () => {
  const wishes = Array.from({ length: 200 }, (_, i) => ({
    conversation: i % conversations,
    fromRound: (i * 7) % rounds,
    toRound: i % 3 === 0 ? undefined : Math.min(rounds - 1, ((i * 7) % rounds) + (i % 5)),
  }));
  const read = async ({ conversation, fromRound, toRound }: (typeof wishes)[number]): Promise<number[]> => {
    const toSeq = toRound === undefined ? {} : { toSeq: seqOf(conversation, toRound) };
    const range = { fromSeq: seqOf(conversation, fromRound), ...toSeq };
    const messages = await world.bus.events.read(`c${conversation}`, range);
    for (const { data } of messages) expect(Buffer.from(data).toString()).toContain(`"of":"c${conversation}"`);
    return messages.map(({ seq }) => seq);
  };
  const results = await Promise.all(wishes.map(read));
  const expected = wishes.map(({ conversation, fromRound, toRound = rounds - 1 }) =>
    Array.from({ length: toRound - fromRound + 1 }, (_, i) => seqOf(conversation, fromRound + i)),
  );
  expect(results).toEqual(expected);
});

it("names the message before on the same subject", async () => {
  const reads = Array.from({ length: 60 }, (_, i) => world.bus.events.read(`c${i % conversations}`, { fromSeq: 1 }));
  for (const messages of await Promise.all(reads)) {
    expect(messages.map(({ previous }) => previous)).toEqual([0, ...messages.slice(0, -1).map(({ seq }) => seq)]);
  }
});

it("finds nothing for readers of conversations that are not there", async () => {
  const reads = Array.from({ length: 60 }, (_, i) => world.bus.events.read(`nobody${i}`, { fromSeq: 1 }));
  expect((await Promise.all(reads)).flat()).toEqual([]);
});

it("has what was stored since for readers that come soon after, and what is older", async () => {
  const { bus } = world;
  const from = (round: number) =>
    Array.from({ length: 60 }, (_, i) => bus.events.read(`c${i % conversations}`, { fromSeq: seqOf(0, round) }));
  await Promise.all(from(rounds - 10));
  const subject = subjects.agent(0, "c7", "t");
  await bus.nc.request(subject, encodeJson({ type: "token", round: rounds, of: "c7" }));
  const later = await bus.events.read("c7", { fromSeq: seqOf(0, rounds - 5) });
  expect(later.map(({ seq }) => seq)).toEqual([
    ...Array.from({ length: 5 }, (_, i) => seqOf(7, rounds - 5 + i)),
    rounds * conversations + 1,
  ]);
  const older = await Promise.all(from(rounds - 20));
  expect(older[8]?.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => seqOf(8, rounds - 20 + i)));
  expect(older[7]).toHaveLength(21);
});

it("gives nothing that was deleted since, once it is told", async () => {
  const { bus } = world;
  const read = () =>
    Promise.all(Array.from({ length: 60 }, (_, i) => bus.events.read(`c${i % conversations}`, { fromSeq: 1 })));
  expect((await read())[3]).not.toEqual([]);
  const manager = await jetstreamManager(bus.nc);
  await manager.streams.purge(streams.events(0), { filter: subjects.eventsOf(0, "c3") });
  bus.events.forgetShared();
  const after = await read();
  expect(after[3]).toEqual([]);
  expect(after[4]).not.toEqual([]);
});
