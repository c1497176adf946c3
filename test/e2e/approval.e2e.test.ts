import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { openBus, type Bus } from "@parley/bus";
import { pendingApprovals, subjects, type FactOf } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, startService, startSystem, tempDir, type Service, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { person } from "./person.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const plant = pathToFileURL(path.resolve(import.meta.dirname, "../chaos/planted/plant.mjs")).href;
type Chat = ReturnType<Awaited<ReturnType<typeof person>>["conversation"]>;

let system: System;
let bus: Bus;
let folder: Awaited<ReturnType<typeof tempDir>>;
let toolEnv: Record<string, string>;

beforeAll(async () => {
  folder = await tempDir();
  toolEnv = {
    ...{ DEMO_TOOLS: "1", DEMO_COUNTER_FILE: path.join(folder.path, "counter"), APPROVAL_TTL_MS: "120000" },
    ...{ LOCK_MS: "1000", STALLED_CHECK_MS: "200" },
  };
  const env = { "tool-worker": toolEnv, "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" } };
  system = await startSystem({ agentWorkers: 2, toolWorkers: 0, env });
  bus = await openBus({ servers: system.nats.url, name: "test", log });
}, 60_000);

afterAll(async () => {
  await bus.close();
  await system[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** `deaths`: where in its code it kills itself. */
const startToolWorker = (deaths?: string): Promise<Service> =>
  startService("tool-worker", {
    ...{ NATS_URL: system.nats.url, REDIS_URL: system.redis.url, ...toolEnv },
    ...(deaths === undefined ? {} : { NODE_OPTIONS: `--import=${plant}`, PARLEY_PLANTED_FAULT: deaths }),
  });

interface Question {
  readonly conversation: string;
  readonly turn: string;
  readonly call: string;
}

async function ask(chat: Chat, text = "42"): Promise<Question> {
  const { turn_id: turn } = await chat.send(`change the counter to ${text}`);
  return { conversation: chat.id, turn, call: `${turn}-0-0` };
}

/** When its viewers see the question, and that the turn waits. */
const asked = (chat: Chat): Promise<true> =>
  eventually(() => pendingApprovals(chat.view).length === 1 && chat.view.turns[0]?.status === "waiting", {
    what: "the question",
    timeoutMs: 20_000,
  });

/** As an edge does for a person who has read it. */
async function decide(question: Question, approved: boolean): Promise<void> {
  const { conversation: conversation_id, turn: turn_id, call: call_id } = question;
  const fact = await bus.facts.read("asked", question);
  if (fact?.kind !== "asked") throw new Error("nothing is asked");
  const about = { v: 1, conversation_id, turn_id, ts: Date.now(), call_id, hash: fact.hash };
  const decided: FactOf<"decided"> = { kind: "decided", ...about, approved, by: { id: "anna", name: "Anna" } };
  expect(await bus.facts.write(decided)).toMatchObject({ won: true });
}

async function timesOf({ call }: Question): Promise<number> {
  const text = await readFile(toolEnv["DEMO_COUNTER_FILE"] ?? "", "utf8").catch(() => "");
  return text.split("\n").filter((line) => line.startsWith(`${call} `)).length;
}

async function questionsTold({ conversation, turn, call }: Question): Promise<number> {
  const subject = subjects.approvalRequired(0, conversation, turn, call);
  const stored = await bus.events.read(conversation, { fromSeq: 1 });
  return stored.filter((message) => message.subject === subject).length;
}

const changed = { type: "complete", tool_calls: [{ status: "completed", result: "Changed: 42" }] };
const denied = { type: "complete", tool_calls: [{ status: "denied", result: "Denied by Anna." }] };
const unknown = { type: "complete", tool_calls: [{ status: "unknown" }] };

it.each([
  ["agreed to happens once", true, changed, 1],
  ["denied never happens", false, denied, 0],
])("P11: a change that a person has %s", { timeout: 60_000 }, async (_, approved, end, times) => {
  await using _one = await startToolWorker();
  await using _other = await startToolWorker();
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const question = await ask(chat);
  await asked(chat);
  expect(await timesOf(question)).toBe(0);
  await decide(question, approved);
  expect(await chat.untilEnd(question.turn)).toMatchObject(end);
  expect(await timesOf(question)).toBe(times);
});

const deaths = ["tool worker dies before it asks", "tool worker dies before it tells what it asks"] as const;
it.each(deaths.flatMap((death) => [[death, true] as const, [death, false] as const]))(
  "P11: a %s, and people are asked once all the same (agreed: %s)",
  { timeout: 60_000 },
  async (death, approved) => {
    await using first = await startToolWorker(death);
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const question = await ask(chat);
    await first.exited;
    await using _one = await startToolWorker();
    await using _other = await startToolWorker();
    await asked(chat);
    await decide(question, approved);
    expect(await chat.untilEnd(question.turn)).toMatchObject(approved ? changed : denied);
    expect(await timesOf(question)).toBe(approved ? 1 : 0);
    expect(await questionsTold(question)).toBe(1);
  },
);

it("P11: people are asked once though the worker that asked is killed", { timeout: 60_000 }, async () => {
  await using first = await startToolWorker();
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const question = await ask(chat);
  await asked(chat);
  await first.kill();
  await decide(question, true);
  await using _other = await startToolWorker();
  expect(await chat.untilEnd(question.turn)).toMatchObject(changed);
  expect(await timesOf(question)).toBe(1);
  expect(await questionsTold(question)).toBe(1);
});

it.each([
  ["tool worker dies with a licence", 0],
  ["tool worker dies after a change", 1],
])("P5: a %s: nobody knows what came of it, and it is not done again", { timeout: 60_000 }, async (death, times) => {
  await using first = await startToolWorker(death);
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const question = await ask(chat);
  await asked(chat);
  await decide(question, true);
  await first.exited;
  await using _one = await startToolWorker();
  await using _other = await startToolWorker();
  expect(await chat.untilEnd(question.turn)).toMatchObject(unknown);
  expect(await timesOf(question)).toBe(times);
});
