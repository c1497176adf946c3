import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "@parley/bus";
import { streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, startRedis, startService, type Broker, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { person } from "./person.ts";
import { recordsIn } from "./stored-records.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

/** The log as revision ae6cdcc made it. */
async function makeOlderLog({ url }: Broker): Promise<void> {
  const { nc } = await connectNats({ servers: url, name: "older", log });
  const jsm = await jetstreamManager(nc);
  const taken = [subjects.allLog(0), subjects.allOwners(0)];
  await jsm.streams.add({ name: streams.log(0), subjects: taken, allow_direct: true });
  await nc.close();
}

async function notesOf({ adminPort }: Service): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
  return z.object({ notes: z.array(z.string()).default([]) }).parse(await response.json()).notes;
}

it("writes a record per message into the log of an earlier version, and says so, until it is told that none is left", async () => {
  await using nats = await startNats();
  await makeOlderLog(nats);
  await using redis = await startRedis();
  await using model = await startService("model-simulator", {});
  const brokers = { NATS_URL: nats.url, REDIS_URL: redis.url };
  const settings = { OPENAI_BASE_URL: `http://127.0.0.1:${model.port}/v1`, OPENAI_API_KEY: "simulated" };
  const env = { ...brokers, ...settings, OPENAI_MODEL: "parley-simulated" };
  await using edge = await startService("edge", { ...brokers, AUTH_DEV: "1", AUTH_JWT_SECRET: "s".repeat(40) });
  using anna = await person(edge);
  const chat = anna.conversation();
  const answers: string[] = [];
  const kindsAfter = async (text: string): Promise<string[]> => {
    answers.push((await chat.untilEnd((await chat.send(text)).turn_id)).response);
    return (await recordsIn(nats, chat.id)).map((record) => ("kind" in record ? record.kind : "message"));
  };

  const first = await startService("agent-worker", env);
  expect(await notesOf(first)).toContainEqual(expect.stringContaining("RECORD_FORMAT"));
  expect(await kindsAfter("hello")).toEqual(["message", "message"]);
  await first[Symbol.asyncDispose]();
  await using told = await startService("agent-worker", { ...env, RECORD_FORMAT: "2" });
  expect(await notesOf(told)).not.toContainEqual(expect.stringContaining("RECORD_FORMAT"));
  expect(await kindsAfter("hello again")).toEqual(["message", "message", "turn"]);

  using elsewhere = await person(edge);
  const viewer = elsewhere.conversation(chat.id);
  await viewer.subscribe();
  expect(viewer.view.transcript.map(({ message }) => message)).toEqual([
    ...["hello", answers[0]],
    ...["hello again", answers[1]],
  ]);
});
