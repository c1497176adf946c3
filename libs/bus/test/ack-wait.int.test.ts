import { jetstreamManager } from "@nats-io/jetstream";
import { millis } from "@nats-io/transport-node";
import { streams, turnsConsumer } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats } from "@parley/testkit";
import { expect, it } from "vitest";
import { openBus, type Bus } from "@parley/bus";

const log = createLogger({ service: "test", level: "fatal", format: "pretty" });

async function ackWaitOf({ nc }: Bus): Promise<number> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const { config } = await jsm.consumers.info(streams.turns, turnsConsumer);
  return millis(config.ack_wait ?? 0);
}

it("leaves a longer ack wait to the workers that are there, and lowers it when none is", async () => {
  await using nats = await startNats();
  const open = (ackWaitMs: number): Promise<Bus> => openBus({ servers: nats.url, name: "worker", log, ackWaitMs });
  const older = await open(20_000);
  const pull = older.turns.pull(1, 30_000, () => {});
  await expect.poll(async () => (await older.turns.deliveryState()).pullsWait).toBe(true);
  const newer = await open(3_000);
  expect(await ackWaitOf(newer)).toBe(20_000);
  await older.turns.endPulls();
  await pull;
  await older.close();
  await expect.poll(async () => (await newer.turns.deliveryState()).pullsWait, { timeout: 5_000 }).toBe(false);
  const newest = await open(3_000);
  expect(await ackWaitOf(newest)).toBe(3_000);
  const patient = await open(60_000);
  expect(await ackWaitOf(patient)).toBe(60_000);
  for (const bus of [newer, newest, patient]) await bus.close();
});
