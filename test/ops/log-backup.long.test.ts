import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { jetstreamManager } from "@nats-io/jetstream";
import { openBus, type Bus } from "@parley/bus";
import { streams, subjects, type LogRecord } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { type Broker, startNats, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

function record(conversation_id: string, id: string): Omit<LogRecord, "prev"> {
  const author = { role: "user" as const };
  return {
    v: 1,
    conversation_id,
    message_id: id,
    turn_id: id,
    author,
    message: `text of ${id}`,
    status: "complete",
    ts: 1,
  };
}

function openTestBus(nats: Broker, shards = 2): Promise<Bus> {
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  return openBus({ servers: nats.url, name: "test", log, ackWaitMs: 20_000, shards });
}

async function runScript(script: string, nats: Broker, ...args: string[]): Promise<string> {
  const file = path.join(root, "scripts", script);
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], NATS_URL: nats.url };
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...args], { env });
  return stdout;
}

/** As revision ae6cdcc made them. */
async function makeOlderLogs(nats: Broker): Promise<void> {
  const bus = await openTestBus(nats, 0);
  const jsm = await jetstreamManager(bus.nc);
  for (const shard of [0, 1]) {
    const taken = [subjects.allLog(shard), subjects.allOwners(shard)];
    await jsm.streams.add({ name: streams.log(shard), subjects: taken, allow_direct: true });
  }
  await bus.close();
}

/** Two conversations in two shards, with a hole in the sequences where a third one was. */
async function fill({ transcripts, owners, conversations }: Bus): Promise<void> {
  await owners.claim("c_one", "anna");
  for (let i = 0; i < 40; i++) {
    await transcripts.append(record("c_one", `m${i}`));
    await transcripts.append(record("c_deleted", `d${i}`));
    await transcripts.append(record("c_other", `o${i}`));
  }
  await conversations.purge("c_deleted");
}

async function contentOf({ transcripts, owners }: Bus): Promise<unknown> {
  const tails = ["c_one", "c_deleted", "c_other"].map((id) => transcripts.tail(id, { limit: 100 }));
  return { tails: await Promise.all(tails), owner: await owners.ownerOf("c_one") };
}

const logs = [
  ["this version", 2],
  ["an earlier version", 1],
] as const;

it.each(logs)("a log of %s that was lost with its broker is restored, as it was, and goes on", async (_, format) => {
  await using folder = await tempDir();
  const backup = path.join(folder.path, "backup");
  const nats = await startNats();
  if (format === 1) await makeOlderLogs(nats);
  const bus = await openTestBus(nats);
  await fill(bus);
  const before = await contentOf(bus);
  expect(await runScript("log-backup.mjs", nats, backup)).toContain(`${streams.log(1)} backed up`);
  await bus.close();
  await nats[Symbol.asyncDispose]();

  await using empty = await startNats();
  expect(await runScript("log-restore.mjs", empty, backup)).toContain(`${streams.log(1)} restored`);
  const restored = await openTestBus(empty);
  expect(await contentOf(restored)).toEqual(before);
  expect(restored.recordFormat).toBe(format);
  await restored.transcripts.append(record("c_one", "after"));
  const { turns } = await restored.transcripts.tail("c_one", { limit: 100 });
  expect(turns.map(({ turn_id }) => turn_id)).toEqual([...Array.from({ length: 40 }, (_, i) => `m${i}`), "after"]);
  await restored.close();
});

it("does not overwrite a log that holds something unless it is told to", async () => {
  await using folder = await tempDir();
  const backup = path.join(folder.path, "backup");
  await using nats = await startNats();
  const bus = await openTestBus(nats);
  await bus.transcripts.append(record("c_one", "before"));
  await runScript("log-backup.mjs", nats, backup);
  await bus.transcripts.append(record("c_one", "later"));
  await expect(runScript("log-restore.mjs", nats, backup)).rejects.toThrow(/already holds \d+ messages/);
  await bus.close();
  await runScript("log-restore.mjs", nats, backup, "--replace");
  const restored = await openTestBus(nats);
  const { turns } = await restored.transcripts.tail("c_one", { limit: 10 });
  expect(turns.map(({ turn_id }) => turn_id)).toEqual(["before"]);
  await restored.close();
});

it("what was revoked is restored with the log, and never made good again where more was revoked since", async () => {
  await using folder = await tempDir();
  const backup = path.join(folder.path, "backup");
  await using nats = await startNats();
  const bus = await openTestBus(nats);
  await bus.gate.setUp();
  await bus.transcripts.append(record("c_one", "only"));
  await revoke(bus, "before");
  await bus.audit.write({ v: 1, kind: "admin", writer: "a test", action: "block" }, "before");
  expect(await runScript("log-backup.mjs", nats, backup)).toContain(`${streams.gate} backed up: 1 messages`);
  await revoke(bus, "later");
  await bus.audit.write({ v: 1, kind: "admin", writer: "a test", action: "lift" }, "later");
  await bus.close();

  await using empty = await startNats();
  expect(await runScript("log-restore.mjs", empty, backup)).toContain(`${streams.gate} restored: 1 messages`);
  const replaced = await runScript("log-restore.mjs", nats, backup, "--replace");
  for (const stream of [streams.gate, streams.audit]) expect(replaced).not.toContain(`${stream} restored`);
  expect(replaced).toMatch(new RegExp(`Left as they are, .*${streams.gate}`));
  expect([await actsIn(empty), await actsIn(nats)]).toEqual([["block"], ["lift", "block"]]);
  expect([await revokedIn(empty), await revokedIn(nats)]).toEqual([["before"], ["before", "later"]]);
});

const soon = Date.now() + 3_600_000;

async function revoke(bus: Bus, id: string): Promise<void> {
  const value = { v: 1, what: "user", id, until_ms: soon, by: "a test", ts: Date.now() } as const;
  await bus.gate.put(
    { what: "user", id },
    () => value,
    () => false,
  );
}

async function actsIn(nats: Broker): Promise<(string | undefined)[]> {
  const bus = await openTestBus(nats);
  const { records } = await bus.audit.page({ limit: 10, matches: () => true });
  await bus.close();
  return records.map(({ entry }) => entry.action);
}

async function revokedIn(nats: Broker): Promise<string[]> {
  const bus = await openTestBus(nats);
  const records = await bus.gate.follow().next();
  await bus.close();
  return records.map(({ id }) => id);
}

it("refuses a damaged backup before it touches anything, and a folder that has one", async () => {
  await using folder = await tempDir();
  const backup = path.join(folder.path, "backup");
  await using nats = await startNats();
  const bus = await openTestBus(nats);
  await bus.transcripts.append(record("c_one", "only"));
  await runScript("log-backup.mjs", nats, backup);
  await expect(runScript("log-backup.mjs", nats, backup)).rejects.toThrow(/already holds a backup/);
  const file = path.join(backup, `${streams.log(0)}.snapshot`);
  await writeFile(file, (await readFile(file)).subarray(1));
  await expect(runScript("log-restore.mjs", nats, backup, "--replace")).rejects.toThrow(/is damaged/);
  expect((await bus.transcripts.tail("c_one", { limit: 10 })).turns).toHaveLength(1);
  await bus.close();
});
