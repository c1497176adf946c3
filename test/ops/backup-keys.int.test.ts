import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { openBus, openEncryption, type Bus, type Encryption } from "@parley/bus";
import { createLogger, encryptionFields, readConfig } from "@parley/runtime";
import { startNats, tempDir, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { backUp } from "../../scripts/backup/backup.ts";
import { restore } from "../../scripts/backup/restore.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
let encryption: Encryption | undefined;
let folder: Awaited<ReturnType<typeof tempDir>>;
const closing: AsyncDisposable[] = [];

beforeAll(async () => {
  const settings = { ENCRYPTION_KEY: randomBytes(32).toString("base64") };
  const config = readConfig(z.object(encryptionFields()), settings);
  ({ encryption } = await openEncryption(config, { mayMakeKeys: "all", log }));
  folder = await tempDir();
});
afterAll(async () => {
  for (const one of closing.toReversed()) await one[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function startBroker(): Promise<Broker> {
  const nats = await startNats();
  closing.push(nats);
  return nats;
}

async function open({ url: servers }: Broker, hasKeys = true): Promise<Bus> {
  const bus = await openBus({ servers, name: "test", log, ackWaitMs: 20_000, ...(hasKeys ? { encryption } : {}) });
  closing.push({ [Symbol.asyncDispose]: () => bus.close() });
  return bus;
}

async function say(bus: Bus, conversation_id: string): Promise<void> {
  await bus.owners.claim(conversation_id, "anna");
  const author = { role: "user" } as const;
  const said = { message_id: "m1", turn_id: "t1", author, message: `words of ${conversation_id}` };
  await bus.transcripts.append({ v: 1, conversation_id, ...said, status: "complete", ts: 1 });
}

const read = async (bus: Bus, conversation: string) =>
  (await bus.transcripts.tail(conversation, { limit: 9 })).turns.map(({ question }) => question?.message);

const remember = (bus: Bus, user: string) =>
  bus.memories.change({ user, tenant: undefined }, () => ({
    enabled: true,
    facts: [{ id: "mem_1", text: `${user} remembers`, by: "user", ts: 1 }],
  }));
const remembered = async (bus: Bus, user: string) =>
  (await bus.memories.of({ user, tenant: undefined })).facts.map(({ text }) => text);

it("a backup whose keys are apart: with them it is read, without them a sentence says what is missing", async () => {
  const nats = await startBroker();
  const bus = await open(nats);
  await say(bus, "c_kept");
  await say(bus, "c_deleted_since");
  await remember(bus, "anna");
  const [data, keys] = [path.join(folder.path, "data"), path.join(folder.path, "keys")];
  await expect(backUp(bus.nc, data, { keys: undefined })).rejects.toThrow(/has keys.*--keys FOLDER/);
  await backUp(bus.nc, data, { keys });

  const lost = await startBroker();
  const raw = await open(lost, false);
  await expect(restore(raw.nc, data, { replace: false, keys: undefined })).rejects.toThrow(/keys/);
  expect(await read(raw, "c_kept")).toEqual([]);
  await restore(raw.nc, data, { replace: false, keys });
  // A process without master keys says so, and shows no garbage.
  await expect(read(raw, "c_kept")).rejects.toThrow(/encrypted, and cannot be opened/);
  const restored = await open(lost);
  expect(await read(restored, "c_kept")).toEqual(["words of c_kept"]);
  expect(await remembered(restored, "anna")).toEqual(["anna remembers"]);

  // Put into a broker that went on: what stays of it can be read, and what was deleted since cannot.
  await remember(bus, "bert");
  await bus.shred("c:c_deleted_since");
  await restore(bus.nc, data, { replace: true, keys });
  const after = await open(nats);
  expect(await read(after, "c_kept")).toEqual(["words of c_kept"]);
  expect(await remembered(after, "anna")).toEqual(["anna remembers"]);
  expect(await remembered(after, "bert")).toEqual(["bert remembers"]);
  expect(await read(after, "c_deleted_since")).toEqual([]);
});

it("keys of a later backup of the same deployment: what was deleted in between stays deleted on a bare broker", async () => {
  const nats = await startBroker();
  const bus = await open(nats);
  await say(bus, "c_kept");
  await say(bus, "c_deleted_since");
  const place = (name: string): string => path.join(folder.path, name);
  await backUp(bus.nc, place("first"), { keys: place("first-keys") });
  await bus.shred("c:c_deleted_since");
  await say(bus, "c_new");
  await backUp(bus.nc, place("second"), { keys: place("second-keys") });

  const lost = await startBroker();
  const raw = await open(lost, false);
  const older = restore(raw.nc, place("second"), { replace: false, keys: place("first-keys") });
  await expect(older).rejects.toThrow(/older than this backup/);
  await restore(raw.nc, place("first"), { replace: false, keys: place("second-keys") });
  const restored = await open(lost);
  expect(await read(restored, "c_kept")).toEqual(["words of c_kept"]);
  expect(await read(restored, "c_deleted_since")).toEqual([]);

  const other = await open(await startBroker());
  await say(other, "c_other");
  await backUp(other.nc, place("other"), { keys: place("other-keys") });
  const foreign = restore(raw.nc, place("first"), { replace: true, keys: place("other-keys") });
  await expect(foreign).rejects.toThrow(/keys of another backup/);
});

it("a restore that is killed while it replaces the keys: the next one still knows what was deleted", async () => {
  const nats = await startBroker();
  const bus = await open(nats);
  await say(bus, "c_kept");
  await say(bus, "c_deleted_since");
  const [data, keys] = [path.join(folder.path, "killed"), path.join(folder.path, "killed-keys")];
  await backUp(bus.nc, data, { keys });
  await bus.shred("c:c_deleted_since");
  const onProgress = (stream: string): void => {
    if (stream === "KEYS") throw new Error("killed");
  };
  await expect(restore(bus.nc, data, { replace: true, keys, onProgress })).rejects.toThrow("killed");
  await restore(bus.nc, data, { replace: true, keys });
  const after = await open(nats);
  expect(await read(after, "c_kept")).toEqual(["words of c_kept"]);
  expect(await read(after, "c_deleted_since")).toEqual([]);
  // Keys that were held meanwhile are not left behind.
  expect((await readdir(keys)).toSorted()).toEqual(["KEYS.snapshot", "backup.json"]);
});
