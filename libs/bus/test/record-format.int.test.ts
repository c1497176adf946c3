import { jetstreamManager, type JetStreamManager, type StreamConfig } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { markedFormat, recordMark, streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, type NatsServer } from "@parley/testkit";
import { expect, it } from "vitest";
import { openBus, type Bus } from "@parley/bus";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const slowMs = 30_000;

interface Opening {
  readonly shards?: number;
  /** Only agent workers own the streams. */
  readonly isWorker?: boolean;
}

async function withBus<T>({ url }: NatsServer, opening: Opening, act: (bus: Bus) => Promise<T>): Promise<T> {
  const { shards = 1, isWorker = true } = opening;
  const bus = await openBus({ servers: url, name: "test", log, shards, ...(isWorker && { ackWaitMs: 20_000 }) });
  try {
    return await act(bus);
  } finally {
    await bus.close();
  }
}

const formatOf = (nats: NatsServer, opening: Opening = {}): Promise<number> =>
  withBus(nats, opening, ({ recordFormat }) => Promise.resolve(recordFormat));

async function askBroker<T>(nats: NatsServer, ask: (jsm: JetStreamManager) => Promise<T>): Promise<T> {
  return withBus(nats, { isWorker: false, shards: 0 }, async ({ nc }) => ask(await jetstreamManager(nc)));
}

const descriptionOf = (nats: NatsServer, shard = 0): Promise<string | undefined> =>
  askBroker(nats, async (jsm) => (await jsm.streams.info(streams.log(shard))).config.description);

/** The log as revision ae6cdcc made it, and set it again at each start of an agent worker. */
const olderLog = (shard: number) => ({
  name: streams.log(shard),
  subjects: [subjects.allLog(shard), subjects.allOwners(shard)],
  retention: "limits" as const,
  storage: "file" as const,
  num_replicas: 1,
  allow_direct: true,
});

const makeOlderLog = (nats: NatsServer, shard: number, more: Partial<StreamConfig> = {}): Promise<unknown> =>
  askBroker(nats, (jsm) => jsm.streams.add({ ...olderLog(shard), ...more }));

it("a log that this version makes is written as a record per turn, whoever made it, and so after the next start", async () => {
  await using nats = await startNats();
  const edge = { shards: 2, isWorker: false };
  await formatOf(nats, edge);
  expect(await descriptionOf(nats, 1)).toBe(recordMark);
  const together = Array.from({ length: 4 }, () => formatOf(nats, { shards: 2 }));
  expect(await Promise.all(together)).toEqual([2, 2, 2, 2]);
  await nats.kill("SIGKILL");
  await nats.restart();
  expect(await formatOf(nats, { shards: 2 })).toBe(2);
});

it("a log that was there before is written as a record per message, and is not marked by those who use it", async () => {
  await using nats = await startNats();
  await makeOlderLog(nats, 0);
  expect([await formatOf(nats), await formatOf(nats)]).toEqual([1, 1]);
  const { subjects: taken } = await askBroker(nats, async (jsm) => (await jsm.streams.info(streams.log(0))).config);
  expect(taken).toContain(subjects.allTitles(0));
  expect(await descriptionOf(nats)).toBeUndefined();
});

it("writes all conversations alike where an earlier version has made the log of one shard only", async () => {
  for (const older of [0, 1]) {
    await using nats = await startNats();
    await makeOlderLog(nats, older);
    expect([await formatOf(nats, { shards: 2 }), await formatOf(nats, { shards: 2 })]).toEqual([1, 1]);
  }
});

it("a worker of an earlier version leaves the mark as it is, and so does one that raises settings", async () => {
  await using nats = await startNats();
  await formatOf(nats);
  await askBroker(nats, async (jsm) => {
    await expect(jsm.streams.add(olderLog(0))).rejects.toThrow(/already in use/);
    await jsm.streams.update(streams.log(0), olderLog(0));
  });
  expect(await descriptionOf(nats)).toBe(recordMark);
  expect(await formatOf(nats)).toBe(2);
  expect(await descriptionOf(nats)).toBe(recordMark);
});

it.each(["Logs of team blue", "parley.records=", "\u{1F4DC} parley.records=two"])(
  "a description that says nothing of records (%s) means a record per message, and stays",
  async (description) => {
    await using nats = await startNats();
    await makeOlderLog(nats, 0, { description });
    expect(await formatOf(nats)).toBe(1);
    expect(await descriptionOf(nats)).toBe(description);
  },
);

it("does not take a log for its own whose settings it cannot read", async () => {
  await using nats = await startNats();
  await makeOlderLog(nats, 0, { max_age: nanos(3_600_000) });
  // An edge may not ask: what it does not know counts as made by an earlier version.
  expect(await formatOf(nats, { isWorker: false })).toBe(1);
});

it(
  "a log that was lost and is made again is marked as it was before",
  async () => {
    for (const isMarked of [true, false]) {
      await using nats = await startNats();
      if (!isMarked) await makeOlderLog(nats, 0);
      await withBus(nats, {}, async ({ nc, events, recordFormat }) => {
        expect(recordFormat).toBe(isMarked ? 2 : 1);
        await nc.request(`$JS.API.STREAM.DELETE.${streams.log(0)}`);
        const record = { subject: subjects.log(0, "c1"), data: new TextEncoder().encode("{}") };
        await expect.poll(async () => (await events.append(record)).kind, { timeout: 20_000 }).toBe("stored");
      });
      expect(markedFormat(await descriptionOf(nats))).toBe(isMarked ? 2 : 1);
    }
  },
  slowMs,
);
