import { subjects, type LogRecord } from "@parley/protocol";
import { openBus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { expect, it } from "vitest";
import { openTestBus } from "./workbench.ts";

function record(id: string, turn_id = id): Omit<LogRecord, "prev"> {
  const author = { role: "user" as const };
  return { v: 1, conversation_id: "c1", message_id: id, turn_id, author, message: id, status: "complete", ts: 1 };
}

it("stores a message once, however often and from wherever it is appended", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  await Promise.all([transcripts.append(record("m1")), transcripts.append(record("m1"))]);
  await transcripts.append(record("m2"));
  await transcripts.append(record("m1"));
  const { records } = await transcripts.tail("c1", { limit: 10 });
  expect(records.map(({ message_id }) => message_id)).toEqual(["m1", "m2"]);
});

it("finds a message however many came since its turn was accepted, and stores it no second time", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  const acceptedMs = Date.now();
  await transcripts.appendOf(acceptedMs, record("question", "t1"), record("answer", "t1"));
  for (let i = 0; i < 40; i++) await transcripts.append(record(`m${i}`));
  expect(await transcripts.find("c1", "answer", acceptedMs)).toMatchObject({ turn_id: "t1" });
  await transcripts.appendOf(acceptedMs, record("question", "t1"), record("answer", "t1"));
  expect((await transcripts.tail("c1", { limit: 100 })).records).toHaveLength(42);
  // What was stored long before the turn was accepted is not looked through.
  expect(await transcripts.find("c1", "answer", Date.now() + 3_600_000)).toBeUndefined();
});

it("is read backwards page by page", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  for (let i = 0; i < 5; i++) await transcripts.append(record(`m${i}`));
  const newest = await transcripts.tail("c1", { limit: 2 });
  const older = await transcripts.tail("c1", { limit: 2, before: newest.before });
  const oldest = await transcripts.tail("c1", { limit: 2, before: older.before });
  const ids = [oldest, older, newest].map(({ records }) => records.map(({ message_id }) => message_id));
  expect(ids).toEqual([["m0"], ["m1", "m2"], ["m3", "m4"]]);
  expect(oldest.before).toBe(0);
});

it("lets one user own a conversation", async () => {
  await using bench = await openTestBus();
  const { owners } = bench.bus;
  expect(await owners.ownerOf("c1")).toBeUndefined();
  const claims = await Promise.all([owners.claim("c1", "anna"), owners.claim("c1", "bert")]);
  expect(new Set(claims).size).toBe(1);
  expect(await owners.ownerOf("c1")).toBe(claims[0]);
});

it("stores what is missing of several records, and nothing twice", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  await transcripts.append(record("question", "t1"));
  await Promise.all([0, 1].map(() => transcripts.append(record("question", "t1"), record("answer", "t1"))));
  const { records } = await transcripts.tail("c1", { limit: 10 });
  expect(records.map(({ message_id }) => message_id)).toEqual(["question", "answer"]);
});

it("passes over what cannot be read, and finds what is before it", async () => {
  await using bench = await openTestBus();
  const { transcripts, nc, unreadable } = bench.bus;
  await transcripts.append(record("m1"));
  await transcripts.append({ ...record("x1"), conversation_id: "c2" });
  await transcripts.append(record("m2"));
  const newer = { v: 2, conversation_id: "c1", prev: 3, turn: { parts: [] } };
  for (const data of ["garbage", JSON.stringify({ ...newer, prev: 4 }), ""]) {
    await nc.request(subjects.log(0, "c1"), data);
  }
  await transcripts.append(record("m3"));
  await transcripts.append(record("m1"));
  const { records, before } = await transcripts.tail("c1", { limit: 10 });
  expect(records.map(({ message_id }) => message_id)).toEqual(["m1", "m2", "m3"]);
  expect(before).toBe(0);
  expect(unreadable.counts).toMatchObject({ record: 3 });
});

it("begins a page with a whole turn, and repeats and loses none", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  const part = (turn: number, role: "user" | "assistant"): Omit<LogRecord, "prev"> => ({
    ...record(`${turn}${role}`, `t${turn}`),
    author: { role },
    place: turn,
    queued_at: turn,
  });
  // The second was cancelled while the first was being stored.
  await transcripts.append(part(1, "user"));
  await transcripts.append(part(2, "user"), part(2, "assistant"));
  await transcripts.append(part(1, "assistant"));
  await transcripts.append(part(3, "user"), part(3, "assistant"));
  const newest = await transcripts.tail("c1", { limit: 3 });
  expect(newest.records.map(({ turn_id }) => turn_id)).toEqual(["t1", "t1", "t2", "t2", "t3", "t3"]);
  expect(newest.before).toBe(0);
  const last = await transcripts.tail("c1", { limit: 1 });
  expect(last.records.map(({ message_id }) => message_id)).toEqual(["3user", "3assistant"]);
  const older = await transcripts.tail("c1", { limit: 1, before: last.before });
  expect(older.records.map(({ turn_id }) => turn_id)).toEqual(["t1", "t1", "t2", "t2"]);
  // The fifth was cancelled while the fourth waited for its model.
  await transcripts.append(part(5, "user"), part(5, "assistant"));
  await transcripts.append(part(4, "user"), part(4, "assistant"));
  const together = await transcripts.tail("c1", { limit: 2 });
  expect(together.records.map(({ turn_id }) => turn_id)).toEqual(["t4", "t4", "t5", "t5"]);
});

it("reads what this process has written as any other one does", async () => {
  await using bench = await openTestBus();
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  const other = await openBus({ servers: bench.nats.url, name: "other", log, ackWaitMs: 20_000 });
  const metadata = { agent: "general", confidence: 1, model: "m", context: { sources: [] } };
  const usage = { input_tokens: 1, output_tokens: 2 };
  await bench.bus.transcripts.append(record("question", "t1"), {
    ...record("answer", "t1"),
    ...{ author: { role: "assistant" }, message: "lone \ud800, ünïcode", tool_calls: [], usage, metadata },
  });
  await bench.bus.transcripts.append(record("next", "t2"));
  const [own, read] = await Promise.all([bench.bus, other].map((bus) => bus.transcripts.tail("c1", { limit: 10 })));
  expect(own?.records).toHaveLength(3);
  expect(own).toEqual(read);
  expect(await bench.bus.transcripts.tail("c1", { limit: 10 })).toEqual(read);
  await other.close();
});
