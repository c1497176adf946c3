import { writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { streams, subjects, type StoredEvent } from "@parley/protocol";
import { createLogger, encryptionFields, readConfig } from "@parley/runtime";
import { expect, it } from "vitest";
import { z } from "zod";
import { openKeyTools, openMasterKeys, SealedError, type Bus } from "../src/index.ts";
import { filesWith, newMaster, openEncryptedBench } from "./encrypted-bus.ts";
import { startSimulatedTransit } from "./simulated-transit.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const Config = z.object(encryptionFields());
const owner = { user: "anna", tenant: undefined };

async function say(bus: Bus, conversation: string): Promise<void> {
  const event: StoredEvent = {
    type: "token",
    conversation_id: conversation,
    turn_id: "t1",
    ts: 1,
    attempt: 1,
    n: 0,
    token: "hello",
  };
  const data = Buffer.from(JSON.stringify(event));
  expect((await bus.events.append({ subject: subjects.agent(0, conversation, "t1"), data })).kind).toBe("stored");
}

const lastOf = (bus: Bus, conversation: string) => bus.events.last(subjects.agent(0, conversation, "t1"));

async function rewrap(bus: Bus, settings: Record<string, string>, signal = new AbortController().signal) {
  const masters = await openMasterKeys(readConfig(Config, settings), log);
  if (masters === undefined) throw new Error("no keys");
  const tools = await openKeyTools(bus, log);
  try {
    return await tools.rewrap(masters, { signal, onKey() {} });
  } finally {
    tools.close();
    masters.close();
  }
}

it("a master key is replaced while people write: rewrapped, stopped and begun again, and the old one can go", async () => {
  const [one, two] = [newMaster(), newMaster()];
  await using bench = await openEncryptedBench(`default: [{ id: one, key: ${one} }]`);
  const bus = await bench.open();
  const conversations = Array.from({ length: 40 }, (_, i) => `c${i}`);
  for (const conversation of conversations) await say(bus, conversation);
  const jsm = await jetstreamManager(bus.nc);
  const first = await jsm.streams.getMessage(streams.keys, { seq: 1 });
  const wrapped = z.object({ wrapped: z.string() }).parse(first?.json()).wrapped;
  await writeFile(bench.file, `default: [{ id: two, key: ${two} }, { id: one, key: ${one} }]`);
  const settings = { ENCRYPTION_KEYS_FILE: bench.file };
  const stop = new AbortController();
  const masters = await openMasterKeys(readConfig(Config, settings), log);
  const tools = await openKeyTools(bus, log);
  const stopped = await tools.rewrap(masters!, {
    signal: stop.signal,
    onKey: ({ rewrapped }) => rewrapped >= 10 && stop.abort(),
  });
  expect(stopped.rewrapped).toBeLessThan(40);
  await say(bus, "c7");
  const report = await rewrap(bus, settings);
  // One more: of those of no tenant.
  expect(stopped.rewrapped + report.rewrapped).toBe(41);
  expect([...(await tools.keys()).masters]).toEqual([["two", 41]]);
  const census = await tools.messages(() => {});
  expect(census.find(({ stream }) => stream === streams.events(0))).toMatchObject({ sealed: 41, plain: 0 });
  tools.close();
  masters?.close();
  // Not on disk either.
  expect(await filesWith(bench.store, wrapped)).toEqual([]);
  await writeFile(bench.file, `default: [{ id: two, key: ${two} }]`);
  const later = await bench.open();
  for (const conversation of conversations) expect((await lastOf(later, conversation))?.event.type).toBe("token");
});

it("how much is sealed is told while turns wait, and where the newest of a stream was deleted", async () => {
  await using bench = await openEncryptedBench();
  const bus = await bench.open();
  await say(bus, "c1");
  await say(bus, "c2");
  const jsm = await jetstreamManager(bus.nc);
  const { state } = await jsm.streams.info(streams.events(0));
  await jsm.streams.deleteMessage(streams.events(0), state.last_seq);
  for (const conversation of ["c1", "c2"]) await jetstream(bus.nc).publish(subjects.turns(conversation), "{}");
  const tools = await openKeyTools(bus, log);
  const census = await tools.messages(() => {});
  tools.close();
  expect(census.find(({ stream }) => stream === streams.turns)).toMatchObject({ sealed: 0, plain: 2 });
  expect(census.find(({ stream }) => stream === streams.events(0))).toMatchObject({ sealed: 1, plain: 0 });
});

it("what no master key here opens is told and left as it is", async () => {
  await using bench = await openEncryptedBench();
  const bus = await bench.open();
  await say(bus, "c1");
  const report = await rewrap(bus, { ENCRYPTION_KEY: newMaster() });
  expect([...report.failed]).toEqual([["one", 2]]);
  expect((await lastOf(await bench.open(), "c1"))?.event.type).toBe("token");
});

it("a service keeps the master keys (simulated transit engine): used, away, rotated, and gone to from a file", async () => {
  const token = randomBytes(8).toString("hex");
  await using transit = await startSimulatedTransit(token);
  await using bench = await openEncryptedBench();
  const before = await bench.open();
  await say(before, "c1");
  const settings = { ENCRYPTION_KMS_URL: transit.url, ENCRYPTION_KMS_TOKEN: token, ENCRYPTION_KEYS_FILE: bench.file };
  const bus = await bench.open(settings);
  await say(bus, "c2");
  expect((await lastOf(bus, "c1"))?.event.type).toBe("token");
  expect((await rewrap(bus, settings)).rewrapped).toBeGreaterThanOrEqual(2);
  const only = { ENCRYPTION_KMS_URL: transit.url, ENCRYPTION_KMS_TOKEN: token };
  const other = await bench.open(only);
  const asked = transit.asked.length;
  expect((await lastOf(other, "c1"))?.event.type).toBe("token");
  expect((await lastOf(other, "c1"))?.event.type).toBe("token");
  expect(transit.asked.length).toBe(asked + 1);

  transit.setDown(true);
  // What it has it goes on with; what it has not it does not take for empty.
  expect((await lastOf(other, "c1"))?.event.type).toBe("token");
  await expect(lastOf(other, "c2")).rejects.toThrow(SealedError);
  expect(other.problems().join()).toContain("The service of keys cannot be used: the service of keys answered 503.");
  transit.setDown(false);
  expect((await lastOf(other, "c2"))?.event.type).toBe("token");
  expect(other.problems()).toEqual([]);

  transit.rotate();
  expect((await rewrap(bus, only)).rewrapped).toBeGreaterThanOrEqual(2);
  expect((await rewrap(bus, only)).rewrapped).toBe(0);
  const wrong = await bench.open({ ENCRYPTION_KMS_URL: transit.url, ENCRYPTION_KMS_TOKEN: "wrong" });
  await expect(wrong.memories.of(owner)).resolves.toMatchObject({ facts: [] });
  await expect(lastOf(wrong, "c1")).rejects.toThrow(SealedError);
});
