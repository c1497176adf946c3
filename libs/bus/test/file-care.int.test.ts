import { randomBytes } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { openBus, type Bus } from "@parley/bus";
import { ChatError, streams, subjects, type FileRecord } from "@parley/protocol";
import { createLogger, sleep } from "@parley/runtime";
import { eventually, startNats, startNatsProxy, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const log = createLogger({ service: "test", level: "error", format: "pretty" });
let nats: Broker;
let one: Bus;
let other: Bus;
beforeAll(async () => {
  nats = await startNats();
  [one, other] = (await Promise.all(["one", "other"].map((name) => openBus({ servers: nats.url, name, log })))) as [
    Bus,
    Bus,
  ];
});
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await nats[Symbol.asyncDispose]();
});

const owner = { user: "alice", tenant: "acme" };
const quota = { userFiles: 99, userBytes: 1e9, tenantBytes: 1e9 };
const { signal } = new AbortController();
const begin = (bytes = 1_000, more: object = {}): Promise<FileRecord> =>
  one.files.begin({ owner, name: "a.txt", mediaType: "", bytes, quota, ...more });
async function upload(more: object = {}): Promise<FileRecord> {
  const { file_id: id } = await begin(1_000, more);
  await one.files.append(id, 0, Buffer.from(randomBytes(500).toString("hex")));
  return one.files.finish(id);
}
async function names(): Promise<string[]> {
  const info = await one.nc.request(
    `$JS.API.STREAM.INFO.${streams.fileBytes}`,
    JSON.stringify({ subjects_filter: subjects.fileMeta("*") }),
  );
  const found = Object.keys(info.json<{ state: { subjects?: object } }>().state.subjects ?? {});
  return found.map((subject) => Buffer.from(subject.split(".").at(-1) ?? "", "base64url").toString());
}
const partsOf = async ({ file_id: id }: FileRecord): Promise<number> =>
  (await names()).filter((name) => name.startsWith(id)).length;
const put = async (name: string): Promise<void> => {
  const bucket = await new Objm(jetstream(one.nc)).open("parley_files");
  await bucket.putBlob({ name }, Buffer.from("left by a process that died"));
};

test("nobody looks after files where nobody has brought one, and one process at a time does where somebody has", async () => {
  expect(await one.files.care.claim("one", 60_000)).toBe(false);
  await upload();
  const claims = await Promise.all(
    Array.from({ length: 6 }, (_, nth) => (nth % 2 === 0 ? one : other).files.care.claim(`${nth}`, 60_000)),
  );
  expect(claims.filter(Boolean)).toHaveLength(1);
  expect(await other.files.care.claim("again", 60_000)).toBe(false);
  await sleep(30);
  expect(await other.files.care.claim("later", 20)).toBe(true);
});

test("what nobody sends in time goes, begun or whole; what was sent stays", async () => {
  const [begun, whole, sent] = [await begin(), await upload(), await upload()];
  await one.files.attach(sent.file_id, "c1");
  await one.files.care.round({ keepUnattachedMs: 60_000, signal });
  expect(await one.files.read(begun.file_id)).toBeDefined();
  await sleep(150);
  const { removed } = await other.files.care.round({ keepUnattachedMs: 100, signal });
  expect(removed).toBeGreaterThanOrEqual(2);
  for (const { file_id: id } of [begun, whole]) expect(await one.files.read(id)).toBeUndefined();
  expect([await partsOf(whole), await partsOf(sent)]).toEqual([0, 1]);
  expect(await one.files.keptBy(owner)).toEqual({ files: 1, bytes: 1_000 });
});

test("a file that is sent at the moment at which its time is over is either the conversation's and whole, or gone", async () => {
  for (let nth = 0; nth < 20; nth++) {
    const record = await upload();
    await sleep(3);
    const [attached] = await Promise.allSettled([
      one.files.attach(record.file_id, `c_race${nth}`),
      other.files.care.round({ keepUnattachedMs: 1, signal }),
    ]);
    const left = await one.files.ofConversation(`c_race${nth}`);
    const isSent = attached.status === "fulfilled";
    const refusal: unknown = isSent ? undefined : attached.reason;
    expect(refusal === undefined || (refusal instanceof ChatError && refusal.code === "NOT_FOUND")).toBe(true);
    expect([left.length, await partsOf(record)]).toEqual(isSent ? [1, 1] : [0, 0]);
  }
});

test("a file that was sent after it was looked at stays", async () => {
  const record = await upload();
  let letGo = (): void => {};
  const sent = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let looked = 0;
  const treat = ({ payload }: { readonly payload: Buffer }) => {
    // The first answer that has the record: what the round goes by.
    if (!payload.includes(`"file_id":"${record.file_id}"`) || looked++ > 0) return undefined;
    return { hold: sent };
  };
  const proxy = await startNatsProxy({ targets: [Number(new URL(nats.url).port)], treat });
  const slow = await openBus({ servers: `nats://127.0.0.1:${proxy.port}`, name: "slow", log });
  await sleep(3);
  const round = slow.files.care.round({ keepUnattachedMs: 1, signal });
  await eventually(() => looked > 0, { what: "the look" });
  await one.files.attach(record.file_id, "c_late");
  letGo();
  await round;
  expect([(await one.files.ofConversation("c_late")).length, await partsOf(record)]).toEqual([1, 1]);
  await slow.close();
  await proxy[Symbol.asyncDispose]();
});

test("parts of a process that died before it could name them go, and an upload that goes on is not hurt", async () => {
  const record = await begin(1_200_000, { name: "b.txt" });
  const text = Buffer.from(randomBytes(600_000).toString("hex"));
  await one.files.append(record.file_id, 0, text.subarray(0, 500_000));
  await put(`${record.file_id}/1-dead`);
  await put("file_uAAAAAAAAAAAAAAAAAAAAA/0-nobody");
  await put("somebody else's");
  const young = await other.files.care.round({ keepUnattachedMs: 60_000, signal });
  expect(young.orphans).toBe(0);
  const { orphans } = await other.files.care.round({ keepUnattachedMs: 60_000, orphanMs: 0, signal });
  expect(orphans).toBe(2);
  expect(await names()).toContain("somebody else's");
  await one.files.append(record.file_id, 500_000, text.subarray(500_000));
  expect((await one.files.finish(record.file_id)).status).toBe("stored");
});

test("a removal that was left half done is brought to its end, and a place without a file is given back", async () => {
  const [left, lost] = [
    await upload({ owner: { user: "bob" } }),
    await begin(500, {
      owner: { user: "carl" },
    }),
  ];
  const removing = { ...left, status: "removing", n: left.n + 1 };
  await jetstream(one.nc).publish(subjects.file(left.file_id), JSON.stringify(removing));
  await one.nc.request(
    `$JS.API.STREAM.PURGE.${streams.files}`,
    JSON.stringify({ filter: subjects.file(lost.file_id) }),
  );
  expect(await one.files.read(left.file_id)).toBeUndefined();
  await sleep(5);
  await other.files.care.round({ keepUnattachedMs: 60_000, orphanMs: 1, signal });
  expect(await partsOf(left)).toBe(0);
  expect(await one.files.keptBy({ user: "carl" })).toEqual({ files: 0, bytes: 0 });
});

test("what a tenant keeps is counted anew where a process died between its records", async () => {
  const far = { owner: { user: "dora", tenant: "far" } };
  const [kept, lost] = [await upload(far), await upload(far)];
  // As if whoever removed the other one had died before it counted.
  await one.nc.request(
    `$JS.API.STREAM.PURGE.${streams.files}`,
    JSON.stringify({ filter: subjects.file(lost.file_id) }),
  );
  const tight = { ...quota, tenantBytes: 2_000 };
  await expect(begin(1_000, { ...far, quota: tight })).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  await sleep(5);
  const round = (): Promise<unknown> => other.files.care.round({ keepUnattachedMs: 60_000, orphanMs: 1, signal });
  await round();
  await round();
  expect((await begin(1_000, { ...far, quota: tight })).status).toBe("uploading");
  expect(await one.files.read(kept.file_id)).toBeDefined();
});

test("one that is whole and was never ended is ended", async () => {
  const { file_id: id } = await begin();
  await one.files.append(id, 0, Buffer.alloc(1_000, 97));
  await sleep(5);
  await other.files.care.round({ keepUnattachedMs: 60_000, orphanMs: 1, signal });
  expect(await one.files.read(id)).toMatchObject({ status: "stored", media_type: "text/plain" });
});
