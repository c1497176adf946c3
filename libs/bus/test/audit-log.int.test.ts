import { jetstreamManager } from "@nats-io/jetstream";
import { openBus, type AuditRecord, type Bus } from "@parley/bus";
import { limits, streams, subjects, type AuditEntry } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, type NatsServer } from "@parley/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { auditMatcher } from "../src/audit-reading.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const open = (nats: NatsServer, settings: { auditMaxBytes?: number; auditKeepMs?: number } = {}): Promise<Bus> =>
  openBus({ servers: nats.url, name: "test", log, ...settings });

let nats: NatsServer;
let bus: Bus;

beforeEach(async () => {
  nats = await startNats();
  bus = await open(nats);
});
afterEach(async () => {
  await bus.close();
  await nats[Symbol.asyncDispose]();
});

const all = (): boolean => true;
const entry = (more: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{ v: 1, kind: "ended" as const, writer: "a test", conversation_id: "c1", user: { id: "ann" }, tool: "k8s_get" },
  ...more,
});
const idsOf = (records: readonly AuditRecord[]): (string | undefined)[] => records.map(({ entry }) => entry.call_id);

it("keeps each thing once, however often it is told, and gives it newest first", async () => {
  const before = Date.now();
  for (const call_id of ["one", "two", "one"]) expect(await bus.audit.write(entry({ call_id }), call_id)).toBe(true);
  const { records, before: next } = await bus.audit.page({ limit: 10, matches: all });
  expect([idsOf(records), next]).toEqual([["two", "one"], undefined]);
  const [last] = records;
  expect(last?.entry).toEqual(entry({ call_id: "two" }));
  expect(Math.abs((last?.storedMs ?? 0) - before)).toBeLessThan(10_000);
  expect([...bus.audit.counts().written].filter(([, count]) => count > 0)).toEqual([["ended", 3]]);
});

it("is read page by page, by what somebody looks for", async () => {
  for (let i = 0; i < 50; i++) {
    const more = { call_id: `call-${i}`, user: { id: i % 2 === 0 ? "ann" : "bert" }, conversation_id: `c${i % 5}` };
    await bus.audit.write(entry(i === 40 ? { ...more, agreed_by: { id: "olga" } } : more), `${i}`);
  }
  const seen: (string | undefined)[] = [];
  let before: number | undefined;
  do {
    const page = await bus.audit.page({ limit: 7, before, matches: auditMatcher({ user: "ann" }) });
    seen.push(...idsOf(page.records));
    before = page.before;
  } while (before !== undefined);
  expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => `call-${48 - 2 * i}`));
  const found = async (filter: Parameters<typeof auditMatcher>[0]): Promise<number> =>
    (await bus.audit.page({ limit: 100, matches: auditMatcher(filter) })).records.length;
  expect([await found({ user: "olga" }), await found({ conversation: "c3" }), await found({ tool: "k8s_*" })]).toEqual([
    ...[1, 10, 50],
  ]);
  expect([await found({ tool: "k8s" }), await found({ kind: "begun" })]).toEqual([0, 0]);
  const since = await bus.audit.page({ limit: 100, sinceMs: Date.now() + 60_000, matches: all });
  expect(since).toEqual({ records: [], before: undefined });
});

it("is nobody's to change: the broker refuses to delete and to purge, and to allow it again", async () => {
  await bus.audit.write(entry(), "one");
  const jsm = await jetstreamManager(bus.nc);
  await expect(jsm.streams.deleteMessage(streams.audit, 1)).rejects.toThrow(/message delete not permitted/i);
  await expect(jsm.streams.purge(streams.audit)).rejects.toThrow(/purge not permitted/i);
  for (const allowed of [{ deny_delete: false }, { deny_purge: false }])
    await expect(jsm.streams.update(streams.audit, allowed)).rejects.toThrow(/can not cancel/i);
  expect((await bus.audit.page({ limit: 10, matches: all })).records).toHaveLength(1);
});

it("refuses what is new when it is full, and forgets nothing for it", async () => {
  await using other = await startNats();
  const small = await open(other, { auditMaxBytes: 20_000 });
  await small.audit.setUp();
  const stored: boolean[] = [];
  for (let i = 0; i < 40; i++) {
    const reason = "x".repeat(900);
    stored.push(await small.audit.write(entry({ kind: "refused", call_id: `call-${i}`, reason }), `${i}`));
  }
  const kept = stored.filter(Boolean).length;
  expect(kept).toBeGreaterThan(10);
  expect(stored.slice(kept)).toEqual(Array.from({ length: 40 - kept }, () => false));
  expect(small.audit.counts().lost.get("refused")).toBe(40 - kept);
  const { records } = await small.audit.page({ limit: 100, matches: all });
  // nats-server 2.9.10 drops the oldest one for the last that fitted without its subject and header.
  expect(records.length).toBeGreaterThanOrEqual(kept - 1);
  expect((await small.audit.state()).fill).toBeGreaterThan(0.8);
  // Nothing else suffers.
  expect(small.problems()).toEqual([]);
  await small.close();
});

it("passes over what a process wrote that may not say so, and what is no entry", async () => {
  await bus.audit.write(entry({ call_id: "own" }), "own");
  const forged = { ...entry({ kind: "decided", call_id: "forged" }), approved: true };
  for (const text of [JSON.stringify(forged), "{", JSON.stringify({ v: 1, kind: "ended" })])
    await bus.nc.request(subjects.audit("run", "_", "c1"), text);
  expect(idsOf((await bus.audit.page({ limit: 10, matches: all })).records)).toEqual(["own"]);
  expect(bus.unreadable.counts.audit).toBe(3);
});

it("bounds what anybody may have written", async () => {
  const long = "\ud800\u0000".repeat(50_000);
  const access = Array.from({ length: 500 }, (_, i) => ({ system: "kubernetes", verb: long, name: `pod-${i}${long}` }));
  const said = {
    arguments: long,
    reason: long,
    summary: long,
    tool: long,
    roles: Array(1_000).fill(long),
    tenant: long,
  };
  const people = { user: { id: long, name: long }, agreed_by: { id: long, name: long } };
  expect(await bus.audit.write(entry({ access, ...said, ...people }), "one")).toBe(true);
  const { data } = await bus.nc.request(`$JS.API.DIRECT.GET.${streams.audit}`, JSON.stringify({ seq: 1 }));
  expect(data.length).toBeLessThanOrEqual(limits.auditEntryBytes);
  const [found] = (await bus.audit.page({ limit: 1, matches: all })).records;
  expect((found?.entry.access?.length ?? 0) + (found?.entry.access_left_out ?? 0)).toBe(500);
});

it("gives a follower each entry once, also of a stream that was lost and made again", async () => {
  const follower = bus.audit.follow();
  const seen: (string | undefined)[] = [];
  const look = async (): Promise<(string | undefined)[]> => {
    await follower.next(({ entry: { call_id } }) => void seen.push(call_id));
    return seen;
  };
  await bus.audit.setUp();
  expect(await look()).toEqual([]);
  await bus.audit.write(entry({ call_id: "one" }), "1");
  expect(await look()).toEqual(["one"]);
  expect(await look()).toEqual(["one"]);
  await bus.audit.write(entry({ call_id: "two" }), "2");
  await bus.audit.write(entry({ call_id: "three" }), "3");
  expect(await look()).toEqual(["one", "two", "three"]);
  await (await jetstreamManager(bus.nc)).streams.delete(streams.audit);
  await bus.audit.write(entry({ call_id: "anew" }), "4");
  expect(await look()).toEqual(["one", "two", "three", "anew"]);
});

it("says that it cannot be stored when the broker is away for longer than it tries", { timeout: 30_000 }, async () => {
  await bus.audit.setUp();
  await nats.stop();
  const startedAt = performance.now();
  expect(await bus.audit.write(entry({ kind: "begun" }), "one")).toBe(false);
  expect(performance.now() - startedAt).toBeGreaterThan(14_000);
  expect(bus.audit.counts().lost.get("begun")).toBe(1);
});
