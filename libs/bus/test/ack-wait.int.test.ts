import { jetstreamManager } from "@nats-io/jetstream";
import { millis, nanos } from "@nats-io/transport-node";
import { streams, turnsConsumer, wakeConsumer } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats } from "@parley/testkit";
import { expect, it } from "vitest";
import { openBus, type Bus } from "@parley/bus";

const log = createLogger({ service: "test", level: "fatal", format: "pretty" });

async function configOf({ nc }: Bus, stream: string, consumer: string) {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  return (await jsm.consumers.info(stream, consumer)).config;
}

async function ackWaitOf(bus: Bus): Promise<number> {
  return millis((await configOf(bus, streams.turns, turnsConsumer)).ack_wait ?? 0);
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

it("takes nothing back that a newer version has set of the consumer of decisions, which some worker uses", async () => {
  await using nats = await startNats();
  const open = (ackWaitMs: number): Promise<Bus> => openBus({ servers: nats.url, name: "worker", log, ackWaitMs });
  const newer = await open(20_000);
  const jsm = await jetstreamManager(newer.nc, { checkAPI: false });
  const decisions = [streams.facts(0), wakeConsumer] as const;
  const found = await configOf(newer, ...decisions);
  await jsm.consumers.update(...decisions, { ...found, description: "of a newer version" });
  const pull = newer.decisions.pull(0, { most: 1, expiresMs: 30_000 }, () => {});
  await expect.poll(async () => (await jsm.consumers.info(...decisions)).num_waiting).toBe(1);
  const older = await open(3_000);
  expect(await configOf(older, ...decisions)).toMatchObject({
    ...{ ack_wait: nanos(20_000), description: "of a newer version", filter_subject: found.filter_subject },
  });
  await newer.decisions.endPulls();
  await pull;
  for (const bus of [newer, older]) await bus.close();
});
