import { openBus, type Bus } from "@parley/bus";
import { jetstream } from "@nats-io/jetstream";
import { encodeJson, subjects, type FileRecord } from "@parley/protocol";
import { textIdOf, textNameOf } from "@parley/protocol/turn-id";
import { createLogger } from "@parley/runtime";
import { startNats, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const log = createLogger({ service: "test", level: "error", format: "pretty" });
let nats: Broker;
let bus: Bus;
beforeAll(async () => {
  nats = await startNats();
  bus = await openBus({ servers: nats.url, name: "texts", log });
});
afterAll(async () => {
  await bus.close();
  await nats[Symbol.asyncDispose]();
});

const owner = { user: "alice", tenant: "acme" };
const { signal } = new AbortController();
const look = { keepUnattachedMs: 60_000, orphanMs: 0, signal };

async function send(id: string): Promise<FileRecord> {
  const bytes = Buffer.from(`bytes of ${id}`);
  const begun = { owner, clientId: id, name: "a.txt", mediaType: "", bytes: bytes.length };
  const { file_id } = await bus.files.begin(begun);
  await bus.files.append(file_id, 0, bytes);
  await bus.files.finish(file_id);
  return bus.files.attach(file_id, "c1");
}

/** As an agent worker keeps it. */
function keepText(of: FileRecord): Promise<FileRecord> {
  const about = { owner, conversation: "c1", name: "text.txt", origin: "agent", mediaType: "text/plain" } as const;
  const bytes = Buffer.from(`what ${of.file_id} says`);
  return bus.files.bring({ ...about, id: textNameOf(of), textOf: of.file_id, bytes });
}

/** As whoever began to remove it left it. */
async function leaveHalfRemoved(record: FileRecord): Promise<void> {
  const now = await bus.files.read(record.file_id);
  const next = { ...now, n: (now?.n ?? 0) + 1, status: "removing" };
  await jetstream(bus.nc).publish(subjects.file(record.file_id), encodeJson(next));
}

async function expectGone(...ids: string[]): Promise<void> {
  for (const id of ids) expect(await bus.files.read(id)).toBeUndefined();
  const left = await bus.files.care.round(look);
  expect(left.orphans).toBe(0);
}

test("the text that is kept of a file goes with it", async () => {
  const file = await send("one");
  const text = await keepText(file);
  expect(text.file_id).toBe(textIdOf(file));
  expect(await bus.files.remove(file.file_id)).toBe(true);
  await expectGone(file.file_id, text.file_id);
  expect(await bus.files.ofConversation("c1")).toEqual([]);
});

test.each([
  ["before the text", []],
  ["in the middle of the text", ["text"]],
])("a removal that was left %s goes on, and takes it along", async (at, halves) => {
  const file = await send(at);
  const text = await keepText(file);
  if (halves.length > 0) await leaveHalfRemoved(text);
  await leaveHalfRemoved(file);
  await bus.files.care.round(look);
  await expectGone(file.file_id, text.file_id);
});

test("a text that is kept while its file is removed goes when files are looked after; those of others stay", async () => {
  const [file, other] = [await send("late"), await send("other")];
  await bus.files.remove(file.file_id);
  const [late, kept] = [await keepText(file), await keepText(other)];
  await bus.files.care.round(look);
  await expectGone(file.file_id, late.file_id);
  expect((await bus.files.read(kept.file_id))?.text_of).toBe(other.file_id);
  await bus.files.bury("c1");
  await expectGone(other.file_id, kept.file_id);
});
