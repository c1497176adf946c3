import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { openBus } from "@parley/bus";
import { TranscriptMessage } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, startService, startSystem, tempDir, type Broker, type Service, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "./person.ts";
import { recordsIn } from "./stored-records.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const root = path.resolve(import.meta.dirname, "../..");
let system: System;

beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system[Symbol.asyncDispose]());

function ask(edge: Service, method: string, conversation: string, rest = ""): Promise<Response> {
  return devToken(edge, "anna").then((token) =>
    fetch(`http://127.0.0.1:${edge.port}/api/v1/conversations/${conversation}${rest}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
    }),
  );
}

async function transcriptOf(edge: Service, conversation: string): Promise<TranscriptMessage[]> {
  const response = await ask(edge, "GET", conversation, "/messages?limit=100");
  return z.object({ messages: z.array(TranscriptMessage) }).parse(await response.json()).messages;
}

/** A conversation with an answer, one with a tool, one that was stopped, and one that failed. */
async function talk() {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const ends = [];
  for (const text of ["hello", "list all pods", "hello\n/sim status=400"]) {
    const { turn_id } = await chat.send(text);
    ends.push(await chat.untilEnd(turn_id));
  }
  const { turn_id } = await chat.send("hello\n/sim tokens=2000 rate=20");
  const isUnderWay = new Promise<void>((resolve) => chat.on("frame", ({ type }) => type === "token" && resolve()));
  await isUnderWay;
  chat.cancel(turn_id);
  ends.push(await chat.untilEnd(turn_id));
  return { id: chat.id, ends };
}

it("keeps each turn as one record, without being told to, from which every reader has the whole conversation, until it is deleted", async () => {
  const { id, ends } = await talk();
  expect(ends.map(({ type }) => type)).toEqual(["complete", "complete", "error", "cancelled"]);
  const records = await recordsIn(system.nats, id);
  expect(records.map((record) => ("kind" in record ? record.kind : "message"))).toEqual([
    "turn",
    "turn",
    "turn",
    "turn",
  ]);
  expect(records.map(({ back = [] }) => back.length)).toEqual([0, 0, 1, 2]);

  const told = (await transcriptOf(system.edges[0]!, id)).filter(({ author }) => author.role === "assistant");
  expect(told.map(({ message, status }) => ({ message, status }))).toEqual(
    ends.map(({ response, type }) => ({ message: response, status: type })),
  );
  expect(told.map(({ tool_calls = [] }) => tool_calls.length)).toEqual([0, 1, 0, 0]);
  const kinds = told[1]?.parts?.map(({ type }) => type) ?? [];
  expect(kinds.indexOf("tool_call")).toBeLessThan(kinds.lastIndexOf("text"));
  expect(told[2]).toMatchObject({ code: "MODEL_UNAVAILABLE", retryable: false });

  // An edge that has seen nothing of it, and a device without a cursor.
  const other = await system.add("edge");
  using elsewhere = await person(other);
  const viewer = elsewhere.conversation(id);
  await viewer.subscribe();
  expect(viewer.view.transcript.map(({ message }) => message)).toEqual(
    (await transcriptOf(other, id)).map(({ message }) => message),
  );

  expect((await ask(system.edges[0]!, "DELETE", id)).status).toBe(204);
  expect((await ask(other, "GET", id, "/messages")).status).toBe(404);
  expect(await recordsIn(system.nats, id)).toEqual([]);
});

it("goes on in a conversation that workers of both settings have written, and is read whole by both", async () => {
  const environment = {
    ...{ NATS_URL: system.nats.url, REDIS_URL: system.redis.url, OPENAI_API_KEY: "simulated" },
    ...{ OPENAI_BASE_URL: `http://127.0.0.1:${system.modelSimulator.port}/v1`, OPENAI_MODEL: "parley-simulated" },
  };
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const answers: string[] = [];
  const askTwice = async (): Promise<void> => {
    for (const text of ["hello", "hello again"]) {
      answers.push((await chat.untilEnd((await chat.send(text)).turn_id)).response);
    }
  };
  await askTwice();
  await using _other = await startService("agent-worker", { ...environment, RECORD_FORMAT: "1" });
  // What is delivered to it meanwhile is taken over by the other.
  system.agentWorkers[0]!.freeze();
  await askTwice();
  system.agentWorkers[0]!.thaw();
  await askTwice();
  const kinds = (await recordsIn(system.nats, chat.id)).map((record) => ("kind" in record ? "turn" : "message"));
  expect(kinds.slice(0, 6)).toEqual(["turn", "turn", "message", "message", "message", "message"]);
  const messages = await transcriptOf(system.edges[0]!, chat.id);
  expect(messages.map(({ author, message }) => (author.role === "user" ? "asked" : message))).toEqual(
    answers.flatMap((answer) => ["asked", answer]),
  );
});

it("is restored from a backup as it was, and goes on", async () => {
  const { id } = await talk();
  const before = await transcriptOf(system.edges[0]!, id);
  await using folder = await tempDir();
  await using empty = await startNats();
  const run = (script: string, { url }: Broker): Promise<unknown> => {
    const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], NATS_URL: url };
    const args = [path.join(root, "scripts", script), path.join(folder.path, "backup")];
    return promisify(execFile)(process.execPath, args, { env });
  };
  await run("log-backup.mjs", system.nats);
  await run("log-restore.mjs", empty);
  expect(await recordsIn(empty, id)).toEqual(await recordsIn(system.nats, id));
  const bus = await openBus({ servers: empty.url, name: "test", log, ackWaitMs: 20_000 });
  expect(bus.recordFormat).toBe(2);
  const { turns } = await bus.transcripts.tail(id, { limit: 100 });
  expect(turns.flatMap(({ question, answer }) => [question, answer])).toEqual(before);
  await bus.close();
});
