import { openBus, type Bus } from "@parley/bus";
import { generationKey, streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { natsServerVersion, startNats, startNatsCluster } from "@parley/testkit";
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, it } from "vitest";
import { hasStreamMetadata, isTooOldForCluster } from "../src/broker-version.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const version = natsServerVersion();
const append = { subject: subjects.agent(0, "c1", "t1"), data: new TextEncoder().encode("{}") };
const slowMs = 120_000;

async function withBus<T>(
  options: Omit<Parameters<typeof openBus>[0], "name" | "log">,
  act: (bus: Bus) => Promise<T>,
): Promise<T> {
  const bus = await openBus({ name: "test", log, ...options });
  try {
    return await act(bus);
  } finally {
    await bus.close();
  }
}

const generationIn = (bus: Bus): Promise<number> => bus.events.state(0).then(({ createdMs }) => createdMs);

it.runIf(hasStreamMetadata(version))(
  "a stream whose settings are changed has its generation also when its server comes back a second time",
  async () => {
    await using nats = await startNats();
    const open = (eventsMaxBytes: number) =>
      withBus({ servers: nats.url, ackWaitMs: 20_000, eventsMaxBytes }, generationIn);
    const made = await open(2 ** 20);
    await nats.kill("SIGKILL");
    await nats.restart();
    expect(await open(2 ** 21)).toBe(made);
    await nats.kill("SIGKILL");
    await nats.restart();
    expect(await open(2 ** 21)).toBe(made);
  },
  slowMs,
);

it.runIf(hasStreamMetadata(version))(
  "a stream that an earlier version made keeps the generation that it had",
  async () => {
    await using nats = await startNats();
    const servers = nats.url;
    await withBus({ servers }, async ({ nc }) => {
      const jsm = await jetstreamManager(nc);
      await jsm.streams.delete(streams.events(0));
      await jsm.streams.add({
        name: streams.events(0),
        subjects: [subjects.allEvents(0)],
        metadata: { owner: "them" },
      });
      const { created } = await jsm.streams.info(streams.events(0));
      await withBus({ servers, ackWaitMs: 20_000 }, async (bus) => {
        expect(await generationIn(bus)).toBe(Date.parse(created));
        const { config } = await jsm.streams.info(streams.events(0));
        expect(config.metadata).toMatchObject({ owner: "them", [generationKey]: String(Date.parse(created)) });
      });
    });
  },
  slowMs,
);

it("a stream that was lost and is made again is of a higher generation, as soon as it is there", async () => {
  await using nats = await startNats();
  await withBus({ servers: nats.url }, async (bus) => {
    const made = await generationIn(bus);
    await bus.nc.request(`$JS.API.STREAM.DELETE.${streams.events(0)}`);
    await expect.poll(async () => (await bus.events.append(append)).kind, { timeout: 20_000 }).toBe("stored");
    expect(await generationIn(bus)).toBeGreaterThan(made);
  });
});

/** No server lacks anything that the others have. */
async function untilWhole(bus: Bus): Promise<void> {
  const jsm = await jetstreamManager(bus.nc, { checkAPI: false });
  const current = async (): Promise<boolean[]> => {
    const { cluster } = await jsm.streams.info(streams.events(0));
    return (cluster?.replicas ?? []).map(({ current }) => current);
  };
  const isWhole = (): Promise<unknown> => current().catch(() => []);
  await expect.poll(isWhole, { timeout: 30_000, interval: 200 }).toEqual([true, true]);
}

it.skipIf(isTooOldForCluster(version))(
  "on a cluster a stream has its generation when processes have started since, and each server",
  async () => {
    await using cluster = await startNatsCluster(3);
    const options = { servers: cluster.url, replicas: 3 };
    await withBus(options, async (bus) => {
      const made = await generationIn(bus);
      for (let started = 0; started < 3; started++) await withBus(options, generationIn);
      for (const server of cluster.servers) {
        await server.kill("SIGTERM");
        await server.restart();
        await untilWhole(bus);
        expect(await generationIn(bus)).toBe(made);
      }
    });
  },
  slowMs,
);
