import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { streams, subjects, type StoredEvent, type TurnRequest } from "@parley/protocol";
import { eventually, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { SealedError, type Bus } from "../src/index.ts";
import { hashOfScope } from "../src/seal-places.ts";
import { filesWith, newMaster, openEncryptedBench } from "./encrypted-bus.ts";
import { turnRecord } from "./turn-records.ts";

const secret = "xylophon-4711";

function turn(id: string, conversation_id = "c1"): TurnRequest {
  const message = { id, message_id: `${id}-u`, message: `hello ${secret}`, accepted_at: 1 };
  return { v: 1, turn_id: id, conversation_id, user: { id: "anna" }, ...message };
}

function token(n: number, text = `${secret} ${n}`): StoredEvent {
  return { type: "token", conversation_id: "c1", turn_id: "t1", ts: 1, attempt: 1, n, token: text };
}

const chain = subjects.agent(0, "c1", "t1");
const encoder = new TextEncoder();
const append = (bus: Bus, n: number) =>
  bus.events.append({ subject: chain, data: encoder.encode(JSON.stringify(token(n))) });

async function rawLast(bus: Bus, stream: string, subject: string): Promise<Uint8Array | undefined> {
  const jsm = await jetstreamManager(bus.nc);
  return (await jsm.streams.getMessage(stream, { last_by_subj: subject }))?.data;
}

it("what one process writes another one reads, live, again and by look-up, and the broker's disk has none of it", async () => {
  await using bench = await openEncryptedBench();
  const [writer, reader] = [await bench.open(), await bench.open()];
  await writer.owners.claim("c1", "anna", "acme");
  const live: string[] = [];
  reader.events.subscribe(reader.events.liveOf("c1"), ({ data }) => live.push(Buffer.from(data).toString()));
  await reader.events.flush();
  // Many at once, before the reader has the key: they wait, in order.
  await Promise.all(Array.from({ length: 50 }, (_, n) => append(writer, n)));
  await eventually(() => live.length === 50, { what: "all live copies" });
  expect(live.map((text) => JSON.parse(text).n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  const read = await reader.events.read("c1", { fromSeq: 1 });
  expect(read.map(({ data }) => JSON.parse(Buffer.from(data).toString()).n)).toEqual(live.map((_, n) => n));
  expect((await reader.events.last(chain))?.event).toMatchObject({ token: `${secret} 49` });
  await writer.transcripts.append(turnRecord("t1"));
  expect((await reader.transcripts.tail("c1", { limit: 9 })).turns).toHaveLength(1);
  await writer.memories.change({ user: "anna", tenant: "acme" }, (memory) => ({
    ...memory,
    facts: [{ id: "mem_1", text: secret, by: "user", ts: 1 }],
  }));
  expect((await reader.memories.of({ user: "anna", tenant: "acme" })).facts).toHaveLength(1);
  await writer.documents.write("acme", encoder.encode(secret)).then(async (version) => {
    expect(
      Buffer.from(
        (await reader.documents.read("acme", { ...version, source: "a.txt", kind: "text" })) ?? "",
      ).toString(),
    ).toBe(secret);
  });
  expect(await filesWith(bench.store, secret)).toEqual([]);
  expect(await filesWith(bench.store, "anna")).not.toEqual([]);
});

it("P1: a live copy that cannot be opened yet comes when it can, also if nothing comes behind it", async () => {
  await using bench = await openEncryptedBench();
  await using folder = await tempDir();
  const file = path.join(folder.path, "keys.yaml");
  await writeFile(file, `default: [{ id: other, key: ${newMaster()} }]`);
  const [writer, reader] = [await bench.open(), await bench.open({ ENCRYPTION_KEYS_FILE: file })];
  const live: number[] = [];
  reader.events.subscribe(reader.events.liveOf("c1"), ({ data }) =>
    live.push(JSON.parse(Buffer.from(data).toString()).n),
  );
  await reader.events.flush();
  for (const n of [0, 1, 2]) await append(writer, n);
  await eventually(() => (reader.keyFigures?.notOpened.unavailable ?? 0) >= 3, { what: "three that stay closed" });
  expect(live).toEqual([]);
  await writeFile(file, await readFile(bench.file));
  await eventually(() => live.length > 0, { what: "the newest one", timeoutMs: 10_000 });
  expect(live).toEqual([2]);
});

it("P4: turns come to a worker opened, in a stream that has no words", async () => {
  await using bench = await openEncryptedBench();
  const [edge, worker] = [await bench.open(), await bench.open()];
  await edge.turns.submit(turn("t1"));
  expect(await edge.turns.submit(turn("t1"))).toMatchObject({ duplicate: true });
  const came: string[] = [];
  await worker.turns.pull(1, 2_000, ({ request }) => came.push(request.message));
  await eventually(() => came.length === 1, { what: "the turn" });
  expect(came).toEqual([`hello ${secret}`]);
  expect(await filesWith(bench.store, secret)).toEqual([]);
});

it("two edges that begin a conversation at once have one key", async () => {
  await using bench = await openEncryptedBench();
  const edges = await Promise.all(Array.from({ length: 4 }, () => bench.open()));
  await Promise.all(
    edges.map((edge, i) =>
      edge.events.append({ subject: subjects.user(0, "c1", `t${i}`), data: encoder.encode("{}") }),
    ),
  );
  const jsm = await jetstreamManager(edges[0]!.nc);
  const { state } = await jsm.streams.info(streams.keys, { subjects_filter: subjects.key(hashOfScope("c:c1")) });
  expect(Object.values(state.subjects ?? {})).toEqual([1]);
  for (const edge of edges) expect(await edge.events.read("c1", { fromSeq: 1 })).toHaveLength(4);
});

it("a process that may make keys of tools' files alone makes these, on a subject of their own, and no other", async () => {
  await using bench = await openEncryptedBench();
  const [edge, tool] = [await bench.open(), await bench.open(undefined, "of tools' files")];
  const owner = { user: "anna" };
  const about = { owner, conversation: "c1", name: "a.txt", bytes: encoder.encode(secret) } as const;
  const { file_id } = await tool.files.bring({ ...about, origin: "tool", id: "call 0" });
  const scopes = [`f:${file_id}`, `n:${file_id}`];
  for (const scope of scopes) {
    expect(subjects.key(hashOfScope(scope))).toMatch(/^chat\.toolkey\./);
    expect(await rawLast(edge, streams.keys, subjects.key(hashOfScope(scope)))).toBeDefined();
  }
  const record = await edge.files.read(file_id);
  const pieces: Uint8Array[] = [];
  for await (const piece of edge.files.bytesOf(record!)) pieces.push(piece.slice());
  expect(Buffer.concat(pieces).toString()).toBe(secret);
  expect(await filesWith(bench.store, secret)).toEqual([]);
  await expect(tool.files.begin({ ...about, mediaType: "text/plain", bytes: 3 })).rejects.toThrow();
  await edge.files.remove(file_id);
  for (const scope of scopes)
    expect(
      Buffer.from((await rawLast(edge, streams.keys, subjects.key(hashOfScope(scope)))) ?? "").toString(),
    ).toContain('"erased":true');
});

it("plain and sealed stand side by side: turned on, and off again", async () => {
  await using bench = await openEncryptedBench();
  const plain = await bench.open({});
  await append(plain, 0);
  const sealing = await bench.open();
  await append(sealing, 1);
  const off = await bench.open({ ENCRYPTION_KEYS_FILE: bench.file, ENCRYPTION: "read" });
  await append(off, 2);
  for (const bus of [sealing, off]) {
    const read = await bus.events.read("c1", { fromSeq: 1 });
    expect(read.map(({ data }) => JSON.parse(Buffer.from(data).toString()).n)).toEqual([0, 1, 2]);
  }
  expect((await rawLast(off, streams.events(0), chain))?.[0]).toBe(0x7b);
});

it("a process without keys says so, and takes nothing that is sealed for empty or for garbage", async () => {
  await using bench = await openEncryptedBench();
  const sealing = await bench.open();
  await sealing.memories.change({ user: "anna", tenant: undefined }, () => ({ enabled: false, facts: [] }));
  await append(sealing, 1);
  await sealing.turns.submit(turn("t1"));
  const keyless = await bench.open({});
  await eventually(() => keyless.problems().length > 0, { what: "a problem" });
  expect(keyless.problems()[0]).toMatch(/encrypted.*no keys/);
  await expect(keyless.events.last(chain)).rejects.toThrow(SealedError);
  await expect(keyless.events.read("c1", { fromSeq: 1 })).rejects.toThrow(SealedError);
  // It would be written over.
  await expect(keyless.memories.change({ user: "anna", tenant: undefined }, (memory) => memory)).rejects.toThrow(
    SealedError,
  );
  const came: unknown[] = [];
  await keyless.turns.pull(1, 500, (delivery) => came.push(delivery));
  expect(came).toEqual([]);
  expect(keyless.unreadable.counts).toMatchObject({ event: 0, turn: 0 });
  expect(await sealing.turns.waiting("c1")).toHaveLength(1);
});

it("a process with another master key can neither read nor write over, and goes on when it has got the right one", async () => {
  await using bench = await openEncryptedBench();
  const sealing = await bench.open();
  await append(sealing, 1);
  const other = await bench.open({ ENCRYPTION_KEY: newMaster() });
  await expect(other.events.last(chain)).rejects.toThrow(SealedError);
  expect(await append(other, 2)).toEqual({ kind: "unknown" });
  expect(other.keyFigures?.keys.unwrapErrors).toBeGreaterThan(0);
  const both = await bench.open({ ENCRYPTION_KEY: newMaster(), ENCRYPTION_KEYS_FILE: bench.file });
  expect((await both.events.last(chain))?.event).toMatchObject({ n: 1 });
});

it("what was changed or moved on disk is isolated, and all else goes on", async () => {
  await using bench = await openEncryptedBench();
  const bus = await bench.open();
  await append(bus, 1);
  const sealed = (await rawLast(bus, streams.events(0), chain)) ?? new Uint8Array();
  const elsewhere = subjects.agent(0, "c1", "t2");
  bus.nc.publish(elsewhere, sealed);
  bus.nc.publish(
    chain,
    sealed.map((byte, i) => (i === sealed.length - 1 ? byte ^ 1 : byte)),
  );
  await bus.nc.flush();
  await append(bus, 2);
  expect((await bus.events.last(elsewhere))?.event.type).toBe("unreadable");
  const read = await bus.events.read("c1", { fromSeq: 1 });
  expect(read.map(({ data }) => data[0] === 0x7b)).toEqual([true, false, false, true]);
  expect(bus.keyFigures?.notOpened.broken).toBeGreaterThanOrEqual(3);
});

it("deleting a conversation erases its key first: whatever of it is left nobody can read, and every process forgets", async () => {
  await using bench = await openEncryptedBench();
  const [edge, other] = [await bench.open(), await bench.open()];
  await edge.owners.claim("c1", "anna", "acme");
  await append(edge, 1);
  await edge.transcripts.append(turnRecord("t1"));
  expect(await other.events.last(chain)).toBeDefined();
  const subject = subjects.key(hashOfScope("c:c1"));
  const record = Buffer.from((await rawLast(edge, streams.keys, subject)) ?? "").toString();
  const { wrapped } = JSON.parse(record);
  const left = (await rawLast(edge, streams.events(0), chain)) ?? new Uint8Array();
  await edge.conversations.purge("c1");
  edge.nc.publish(chain, left);
  await edge.nc.flush();
  await eventually(async () => (await other.events.read("c1", { fromSeq: 1 })).length === 0, {
    what: "a forgotten key",
  });
  expect(JSON.parse(Buffer.from((await rawLast(edge, streams.keys, subject)) ?? "").toString())).toMatchObject({
    erased: true,
  });
  expect(await filesWith(bench.store, wrapped)).toEqual([]);
  // Begun anew it has another key.
  await append(other, 7);
  const read = await edge.events.read("c1", { fromSeq: 1 });
  expect(read.map(({ data }) => JSON.parse(Buffer.from(data).toString()).n)).toEqual([7]);
});

it("P1: a turn that was sealed with a key that is erased by now comes to a worker as one to be ended", async () => {
  await using bench = await openEncryptedBench();
  const bus = await bench.open();
  await bus.turns.submit(turn("t1"));
  await bus.shred("c:c1");
  const worker = await bench.open();
  const came: unknown[] = [];
  await worker.turns.pull(1, 2_000, (delivery) => came.push(delivery));
  await eventually(() => came.length === 1, { what: "the turn" });
  expect(came[0]).toMatchObject({
    isUnreadable: true,
    isErased: true,
    request: { turn_id: "t1", conversation_id: "c1", message: "" },
  });
});

it("a file of keys that changes counts at once: the first key of a tenant wraps, the others open", async () => {
  const [one, two] = [newMaster(), newMaster()];
  await using bench = await openEncryptedBench(`default: [{ id: one, key: ${one} }]`);
  const bus = await bench.open();
  await append(bus, 1);
  await writeFile(bench.file, `default: [{ id: two, key: ${two} }, { id: one, key: ${one} }]`);
  await eventually(
    async () => {
      const conversation = `c${performance.now()}`.replace(".", "-");
      await bus.events.append({ subject: subjects.agent(0, conversation, "t"), data: encoder.encode("{}") });
      const stored = await rawLast(bus, streams.keys, subjects.key(hashOfScope(`c:${conversation}`)));
      return JSON.parse(Buffer.from(stored ?? "{}").toString()).master === "two";
    },
    { what: "the new key", timeoutMs: 8_000 },
  );
  expect((await (await bench.open()).events.last(chain))?.event).toMatchObject({ n: 1 });
});
