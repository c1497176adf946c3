import { openBus, type Bus, type NewDocument } from "@parley/bus";
import { documentStoreLimits, streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const log = createLogger({ service: "test", level: "error", format: "pretty" });
let nats: Broker;
let one: Bus;
let other: Bus;

beforeAll(async () => {
  nats = await startNats();
  [one, other] = (await Promise.all(
    ["one", "other"].map((name) => openBus({ servers: nats.url, name, log, ackWaitMs: 2_000 })),
  )) as [Bus, Bus];
});
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await nats[Symbol.asyncDispose]();
});

async function bring({ documents }: Bus, tenant: string | undefined, source: string, bytes: Uint8Array) {
  const written = await documents.write(tenant, bytes);
  const document: NewDocument = {
    ...{ collection: "docs", source, kind: "text", title: source, bytes: bytes.length, passages: 1, by: "u" },
    ...written,
  };
  return documents.put(tenant, document);
}
const sourcesOf = async ({ documents }: Bus, tenant: string | undefined): Promise<string[]> =>
  (await documents.list(tenant)).documents.map(({ source }) => source).toSorted();
/** Messages that hold parts of documents of the tenant. */
async function parts(tenantToken = "*"): Promise<number> {
  const info = await one.nc.request(
    `$JS.API.STREAM.INFO.${streams.documents}`,
    JSON.stringify({ subjects_filter: subjects.documentPart(tenantToken, "*", "*") }),
  );
  return Object.keys(info.json<{ state: { subjects?: object } }>().state.subjects ?? {}).length;
}

test("a document of several parts is read as it was written, by whoever reads it, and its tenant alone has it", async () => {
  const bytes = Buffer.from(Array.from({ length: 3 * documentStoreLimits.partBytes - 7 }, (_, nth) => nth % 251));
  const stored = await bring(one, "big", "a", bytes);
  expect(stored.parts).toBe(3);
  expect(Buffer.compare((await other.documents.read("big", stored)) ?? Buffer.of(), bytes)).toBe(0);
  expect(await other.documents.read("small", stored)).toBeUndefined();
  expect(await other.documents.read(undefined, stored)).toBeUndefined();
  expect(await other.documents.read("big", { ...stored, hash: "0".repeat(64) })).toBeUndefined();
  expect(await sourcesOf(other, "small")).toEqual([]);
});

test("two edges that write at the same time lose nothing of each other", async () => {
  const names = Array.from({ length: 12 }, (_, nth) => `n${String(nth).padStart(2, "0")}`);
  await Promise.all(names.map((name, nth) => bring(nth % 2 === 0 ? one : other, "busy", name, Buffer.from(name))));
  expect(await sourcesOf(one, "busy")).toEqual(names);
  await Promise.all(
    names.map((source, nth) => (nth % 2 === 0 ? other : one).documents.remove("busy", { collection: "docs", source })),
  );
  expect(await sourcesOf(one, "busy")).toEqual([]);
});

test("what is replaced or removed leaves no bytes behind", async () => {
  const before = await parts();
  const first = await bring(one, "tidy", "a", Buffer.from("first"));
  const second = await bring(other, "tidy", "a", Buffer.from("second"));
  expect(second.created_at).toBe(first.created_at);
  expect(await one.documents.read("tidy", first)).toBeUndefined();
  expect(await parts()).toBe(before + 1);
  expect(await one.documents.remove("tidy", { collection: "docs", source: "a" })).toMatchObject({
    version: second.version,
  });
  expect(await one.documents.remove("tidy", { collection: "docs", source: "a" })).toBeUndefined();
  expect(await parts()).toBe(before);
});

test("a tenant's bound is exact, whoever writes, and says what to do", async () => {
  const fat = { hash: "0", parts: 1, version: "aaaaaaaa", kind: "text", title: "t", passages: 1, by: "u" };
  const most = documentStoreLimits.tenantBytes / documentStoreLimits.documentBytes;
  const put = (bus: Bus, nth: number) =>
    bus.documents.put("fat", {
      ...fat,
      collection: "docs",
      source: `s${nth}`,
      bytes: documentStoreLimits.documentBytes,
    });
  const ends = await Promise.allSettled(
    Array.from({ length: most + 3 }, (_, nth) => put(nth % 2 === 0 ? one : other, nth)),
  );
  const refused = ends.filter((end) => end.status === "rejected");
  expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(["CONFLICT", "CONFLICT", "CONFLICT"]);
  expect(await sourcesOf(one, "fat")).toHaveLength(most);
});

test("what an edge that died left behind goes with the tenant's next document, and what is being written stays", async () => {
  await bring(one, "left", "a", Buffer.from("a"));
  const token = (await tokenOf("left")) ?? "";
  const old = `${(Date.now() - 3_600_000).toString(36)}0123456789ab`;
  for (const version of [old, `${Date.now().toString(36)}0123456789ab`]) {
    await one.nc.request(subjects.documentPart(token, version, 0), "orphan");
  }
  const before = await parts(token);
  await bring(other, "left", "b", Buffer.from("b"));
  // One more document, one orphan fewer.
  expect(await parts(token)).toBe(before);
  expect(await sourcesOf(one, "left")).toEqual(["a", "b"]);
});

async function tokenOf(tenant: string): Promise<string | undefined> {
  const { documents } = await one.documents.list(tenant);
  const info = await one.nc.request(
    `$JS.API.STREAM.INFO.${streams.documents}`,
    JSON.stringify({ subjects_filter: subjects.documentPart("*", documents[0]?.version ?? "", 0) }),
  );
  const [subject = ""] = Object.keys(info.json<{ state: { subjects?: object } }>().state.subjects ?? {});
  return subject.split(".")[2];
}
