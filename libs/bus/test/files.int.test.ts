import { createHash, randomBytes } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { connect } from "@nats-io/transport-node";
import { openBus, type Bus, type NewFile } from "@parley/bus";
import { fileLimits, streams, subjects, type FileRecord } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { signedIn, startNats, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Run with PARLEY_TEST_ROLES=1 too: then each has the rights of its role. */
const log = createLogger({ service: "test", level: "error", format: "pretty" });
let nats: Broker;
let one: Bus;
let other: Bus;
let agent: Bus;
let tool: Bus;
beforeAll(async () => {
  nats = await startNats();
  [one, other] = (await Promise.all(
    ["one", "other"].map((name) => openBus({ servers: signedIn(nats.url, "edge"), name, log })),
  )) as [Bus, Bus];
  [agent, tool] = (await Promise.all([
    openBus({ servers: signedIn(nats.url, "agent"), name: "agent", log, ackWaitMs: 2_000 }),
    openBus({ servers: signedIn(nats.url, "tool"), name: "tool", log }),
  ])) as [Bus, Bus];
});
afterAll(async () => {
  await Promise.all([one, other, agent, tool].map((bus) => bus.close()));
  await nats[Symbol.asyncDispose]();
});

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const picture = (size: number): Buffer => Buffer.concat([png, randomBytes(size - png.length)]);
const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const owner = { user: "alice", tenant: "acme" };
const begin = (bytes: number, more: Partial<NewFile> = {}): Promise<FileRecord> =>
  one.files.begin({ owner, name: "cat.png", mediaType: "image/png", bytes, ...more });
async function upload(bytes: Uint8Array, more: Partial<NewFile> = {}): Promise<FileRecord> {
  const { file_id: id } = await begin(bytes.length, more);
  await one.files.append(id, 0, bytes);
  return one.files.finish(id);
}
async function readAll({ files }: Bus, record: FileRecord, range?: { from: number; to: number }): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of files.bytesOf(record, range)) pieces.push(piece);
  return Buffer.concat(pieces);
}
/** Names of what is in the bucket. */
async function objects(): Promise<string[]> {
  const info = await one.nc.request(
    `$JS.API.STREAM.INFO.${streams.fileBytes}`,
    JSON.stringify({ subjects_filter: subjects.fileMeta("*") }),
  );
  const names = Object.keys(info.json<{ state: { subjects?: object } }>().state.subjects ?? {});
  return names.map((subject) => Buffer.from(subject.split(".").at(-1) ?? "", "base64url").toString());
}
const objectsOf = async ({ file_id: id }: FileRecord): Promise<string[]> =>
  (await objects()).filter((name) => name.startsWith(id));

test("a file goes on at another process, in pieces of any size, and is whole", async () => {
  const bytes = picture(3 * fileLimits.partBytes + 12_345);
  const { file_id: id } = await begin(bytes.length);
  let offset = 0;
  for (const [nth, size] of [7, 100_000, 300_000, 1_500_000, bytes.length].entries()) {
    const piece = bytes.subarray(offset, offset + size);
    offset = (await (nth % 2 === 0 ? one : other).files.append(id, offset, piece)).offset;
  }
  const record = await other.files.finish(id);
  expect(record).toMatchObject({
    status: "stored",
    sha256: hashOf(bytes),
    media_type: "image/png",
    bytes: bytes.length,
  });
  expect(Buffer.compare(await readAll(one, record), bytes)).toBe(0);
  expect(
    Buffer.compare(
      await readAll(one, record, { from: 1_048_570, to: 1_048_580 }),
      bytes.subarray(1_048_570, 1_048_581),
    ),
  ).toBe(0);
  // What was written anew leaves nothing behind.
  expect((await objectsOf(record)).toSorted()).toEqual(record.parts.map(({ key }) => key).toSorted());
});

test("the object store's own library reads the parts", async () => {
  const record = await upload(picture(900_000));
  const nc = await connect({ servers: nats.url });
  const bucket = await new Objm(jetstream(nc)).open("parley_files");
  const [part] = record.parts;
  const bytes = (await bucket.getBlob(part?.key ?? "")) ?? new Uint8Array();
  await nc.close();
  expect(hashOf(bytes)).toBe(record.sha256);
});

test("of two that write at the same place one wins, and what it wrote stays", async () => {
  const [a, b] = [picture(500_000), picture(500_000)];
  const { file_id: id } = await begin(a.length);
  const tried = await Promise.allSettled([one.files.append(id, 0, a), other.files.append(id, 0, b)]);
  expect(tried.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(tried.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "CONFLICT" } });
  const record = await one.files.finish(id);
  expect(record.sha256).toBe(hashOf(tried[0]?.status === "fulfilled" ? a : b));
  expect(await objectsOf(record)).toHaveLength(1);
});

test("begun twice under one id it is one file; another one under it is refused", async () => {
  const [first, second] = await Promise.all([begin(1_000, { clientId: "x" }), begin(1_000, { clientId: "x" })]);
  expect(second.file_id).toBe(first.file_id);
  await expect(begin(1_001, { clientId: "x" })).rejects.toMatchObject({ code: "CONFLICT" });
  const elsewhere = await begin(1_000, { clientId: "x", owner: { user: "alice", tenant: "other" } });
  expect(elsewhere.file_id).not.toBe(first.file_id);
});

test("more bytes than were announced, a part at the wrong place, and a program that is called a picture are refused", async () => {
  const { file_id: id } = await begin(100);
  await expect(one.files.append(id, 0, picture(101))).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
  await expect(one.files.append(id, 5, png)).rejects.toMatchObject({ code: "CONFLICT" });
  const program = Buffer.concat([Buffer.from("MZ"), Buffer.alloc(200_000)]);
  const wrong = await begin(program.length);
  await expect(one.files.append(wrong.file_id, 0, program)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  const binary = await begin(4);
  await one.files.append(binary.file_id, 0, Buffer.from([1, 2, 3, 4])).catch(() => {});
  await expect(one.files.finish(binary.file_id)).rejects.toMatchObject({
    code: expect.stringMatching(/UNSUPPORTED|CONFLICT/),
  });
});

test("quotas hold when many uploads begin at once", async () => {
  const quota = { userFiles: 3, userBytes: 10_000, tenantBytes: 25_000 };
  const of = (user: string) => ({ owner: { user, tenant: "small" }, quota });
  const begun = await Promise.allSettled(Array.from({ length: 8 }, () => begin(1_000, of("bob"))));
  expect(begun.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
  await expect(begin(9_001, of("carol")).then(() => begin(1_000, of("carol")))).rejects.toMatchObject({
    code: "QUOTA_EXCEEDED",
  });
  await begin(9_001, of("dave"));
  await expect(begin(9_001, of("eve"))).rejects.toMatchObject({
    code: "QUOTA_EXCEEDED",
    message: expect.stringContaining("organisation"),
  });
  // What was refused counts for nobody.
  expect(await one.files.keptBy({ user: "eve", tenant: "small" })).toEqual({ files: 0, bytes: 0 });
  const [first] = await one.files.ofUser({ user: "bob", tenant: "small" });
  await one.files.remove(first?.file_id ?? "");
  await begin(1_000, of("bob"));
});

test("a file belongs to one conversation, whose deletion removes it everywhere", async () => {
  const record = await upload(picture(1_500_000));
  await one.files.attach(record.file_id, "c1");
  await other.files.attach(record.file_id, "c1");
  await expect(other.files.attach(record.file_id, "c2")).rejects.toMatchObject({ code: "CONFLICT" });
  const hello = { owner, conversation: "c1", name: "a.txt", bytes: Buffer.from("hello"), id: "1" };
  const brought = await tool.files.bring({ ...hello, origin: "tool" });
  const again = await tool.files.bring({ ...hello, origin: "tool" });
  const ofAgent = await agent.files.bring({ ...hello, bytes: picture(1_500_000), name: "b.png", origin: "agent" });
  expect(again.file_id).toBe(brought.file_id);
  for (const reader of [one, agent, tool]) {
    expect(String(await readAll(reader, brought))).toBe("hello");
    expect(hashOf(await readAll(reader, ofAgent))).toBe(ofAgent.sha256);
    expect((await reader.files.read(record.file_id))?.conversation_id).toBe("c1");
  }
  expect((await one.files.ofConversation("c1")).map(({ file_id: id }) => id).toSorted()).toEqual(
    [record.file_id, brought.file_id, ofAgent.file_id].toSorted(),
  );
  expect(await one.files.ofConversation("c2")).toEqual([]);
  await one.conversations.purge("c1");
  expect(await one.files.ofConversation("c1")).toEqual([]);
  expect(await one.files.read(record.file_id)).toBeUndefined();
  for (const gone of [record, brought, ofAgent]) expect(await objectsOf(gone)).toEqual([]);
});

test("tools give back so much in a conversation, and no more", async () => {
  const brought = { files: 3, bytes: 1_000 };
  const servers = signedIn(nats.url, "tool");
  const worker = await openBus({
    servers,
    name: "full",
    log,
    files: { store: { kind: "nats", maxBytes: 2 ** 30 }, brought },
  });
  const give = (id: string, bytes: number, conversation = "full") =>
    worker.files.bring({ owner, conversation, name: "a.txt", bytes: Buffer.alloc(bytes, "a"), id, origin: "tool" });
  await give("1", 100);
  await give("2", 700);
  await expect(give("3", 201)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  await give("3", 200);
  // A call that runs again finds what it had given back.
  await give("3", 200);
  await expect(give("4", 1)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  await give("5", 700, "other");
  await worker.close();
});

test("what is not all there belongs to no conversation", async () => {
  const { file_id: id } = await begin(100);
  await expect(one.files.attach(id, "c3")).rejects.toMatchObject({ code: "CONFLICT" });
  await expect(one.files.attach("file_uAAAAAAAAAAAAAAAAAAAAA", "c3")).rejects.toMatchObject({ code: "NOT_FOUND" });
});
