import { writeFile } from "node:fs/promises";
import path from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { millis } from "@nats-io/transport-node";
import { callIdOf, limits, streams, subjects, type FactOf } from "@parley/protocol";
import { createLogger, readConfig, brokerFields } from "@parley/runtime";
import { eventually, startNats, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { FactsFullError, openBus, streamSettings, unreadableFact } from "../src/index.ts";
import { openTestBus } from "./workbench.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const [conversation, turn] = ["c1", "t1"];
const of = (turn_id = turn) => ({ v: 1, conversation_id: conversation, turn_id, ts: 1 });

function begun(call: string, worker: string): FactOf<"begun"> {
  return { kind: "begun", ...of(), call_id: call, worker };
}

function result(call: string, text: string): FactOf<"result"> {
  const made = { tool_name: "add", arguments: {}, status: "completed", result: text, duration_ms: 1 };
  return { kind: "result", ...of(), call_id: call, ...made };
}

function said(message: string, turn_id = turn): FactOf<"said"> {
  return { kind: "said", ...of(turn_id), id: "m", message_id: "t1-u", author: { role: "user", id: "ann" }, message };
}

it("P5: of many that write the same fact one wins, and all others read what it wrote", async () => {
  await using bench = await openTestBus();
  const call = callIdOf(turn, 0, 0);
  const written = await Promise.all(
    Array.from({ length: 20 }, (_, i) => bench.bus.facts.write(begun(call, `worker ${i}`))),
  );
  expect(written.filter(({ won }) => won)).toHaveLength(1);
  const winner = written.find(({ won }) => won)?.fact;
  for (const { fact } of written) expect(fact).toEqual(winner);
  expect(await bench.bus.facts.read("begun", { conversation, turn, call })).toEqual(winner);
  expect(bench.bus.facts.counts).toMatchObject({ written: { begun: 1 }, refused: { begun: 19 } });
});

it("P5: a fact whose answer was lost with its broker is written once, and its writer has won", async () => {
  await using bench = await openTestBus();
  const calls = Array.from({ length: 40 }, (_, i) => callIdOf(turn, 0, i));
  const writing = Promise.all(calls.map((call) => bench.bus.facts.write(begun(call, "mine"))));
  await bench.nats.kill("SIGKILL");
  await bench.nats.restart();
  expect((await writing).every(({ won }) => won)).toBe(true);
  const jsm = await jetstreamManager(bench.bus.nc);
  expect((await jsm.streams.info(streams.facts(0))).state.messages).toBe(calls.length);
});

it("finds all facts of a turn, those of calls behind gaps too, and of no other turn", async () => {
  await using bench = await openTestBus();
  const { facts } = bench.bus;
  const at = (step: number, index: number): string => callIdOf(turn, step, index);
  const last = limits.callsPerStep + limits.refusedCallsPerStep - 1;
  await facts.write(said("hello"));
  await facts.write(said("another", "t2"));
  for (const call of [at(0, 3), at(0, last), at(1, 0)]) await facts.write(result(call, call));
  await facts.write(begun(at(1, 1), "w"));
  await facts.write({ kind: "cancel", ...of(), by: "ann", reason: "enough" });
  const found = await facts.ofTurn(conversation, turn);
  expect(found).toMatchObject({ said: { message: "hello" }, cancel: { reason: "enough" } });
  expect([...found.calls.keys()]).toEqual([at(0, 3), at(0, last), at(1, 0), at(1, 1)]);
  expect(found.calls.get(at(1, 1))).toMatchObject({ begun: { worker: "w" } });
  expect((await facts.ofTurn(conversation, "t2")).calls.size).toBe(0);
});

it("P5: a licence that nobody can read is a licence", async () => {
  await using bench = await openTestBus();
  const { facts, events, unreadable } = bench.bus;
  const call = callIdOf(turn, 0, 0);
  const subject = subjects.fact(0, conversation, turn, { kind: "begun", call });
  await events.append({ subject, data: new Uint8Array([0xff, 0x00]) });
  expect(await facts.write(begun(call, "late"))).toMatchObject({ won: false, fact: unreadableFact });
  expect(unreadable.counts.fact).toBeGreaterThan(0);
});

it("P7: a full stream of facts refuses new turns at once with a sentence, has room for those that run, and forgets nothing", async () => {
  await using nats = await startNats();
  const bus = await openBus({ servers: nats.url, name: "test", log, factsMaxBytes: 40_000, ackWaitMs: 2_000 });
  const { facts } = bus;
  try {
    await facts.write(said("the first"));
    let fillers = 0;
    const refused = await eventually(
      () =>
        facts.write(said("x".repeat(1_000), `filler${fillers++}`)).then(
          () => undefined,
          (error: unknown) => error,
        ),
      { what: "a refusal", intervalMs: 50 },
    );
    expect(refused).toBeInstanceOf(FactsFullError);
    expect(refused).toMatchObject({
      ...{ code: "OVERLOADED", retryable: true },
      message: "The service cannot accept anything new at the moment: its memory of decisions is full.",
    });
    expect(await facts.fill()).toBeGreaterThanOrEqual(1);
    expect(await facts.write(begun(callIdOf(turn, 0, 0), "w"))).toMatchObject({ won: true });
    expect(await facts.write({ kind: "cancel", ...of(), by: "ann", reason: "enough" })).toMatchObject({ won: true });
    expect(await facts.read("said", { conversation, turn })).toMatchObject({ message: "the first" });
    expect(bus.problems()).toEqual([]);
    expect(facts.counts.withoutRoom).toBeGreaterThan(0);
  } finally {
    await bus.close();
  }
});

it("P7: beyond that too it refuses, and keeps no process from being ready", async () => {
  await using nats = await startNats();
  const bus = await openBus({ servers: nats.url, name: "test", log, factsMaxBytes: 20_000, ackWaitMs: 2_000 });
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await bus.facts.write(result(callIdOf(turn, 0, i), "x".repeat(2_000)));
  };
  try {
    expect(await fill().catch((error: unknown) => error)).toBeInstanceOf(FactsFullError);
    expect(bus.problems()).toEqual([]);
    // A turn that waited begins all the same: nobody can change its text now.
    for (let i = 0; i < 100; i++) await bus.facts.write(result(callIdOf(turn, 1, i), "")).catch(() => {});
    const waited = { conversation_id: conversation, turn_id: turn };
    expect(await bus.waitingTexts.close(waited)).toMatchObject({ state: "closed" });
    await expect(bus.waitingTexts.change(waited, "x".repeat(2_000))).rejects.toMatchObject({ code: "OVERLOADED" });
  } finally {
    await bus.close();
  }
});

it("purges what a conversation has up to a place, and nothing of another", async () => {
  await using bench = await openTestBus();
  const { facts, conversations } = bench.bus;
  await facts.write(said("before"));
  await facts.write({ ...said("other"), conversation_id: "c2" });
  const end = await conversations.endOf(conversation);
  await facts.write(said("after", "t2"));
  await conversations.purge(conversation, end);
  expect(await facts.read("said", { conversation, turn })).toBeUndefined();
  expect(await facts.read("said", { conversation, turn: "t2" })).toMatchObject({ message: "after" });
  expect(await facts.read("said", { conversation: "c2", turn })).toMatchObject({ message: "other" });
});

it("makes the streams as the settings say, and raises what is there without ever lowering it", async () => {
  await using nats = await startNats();
  const settings = (env: Record<string, string>) => streamSettings(readConfig(z.object(brokerFields()), env));
  const open = (env: Record<string, string>) =>
    openBus({ servers: nats.url, name: "test", log, ...settings(env), ackWaitMs: 2_000 });
  const first = await open({ EVENT_WINDOW_MS: "60000", FACTS_MAX_BYTES: "20000000" });
  const jsm = await jetstreamManager(first.nc);
  const kept = async (): Promise<[number, number, number]> => {
    const { config } = await jsm.streams.info(streams.facts(0));
    return [
      millis((await jsm.streams.info(streams.events(0))).config.max_age),
      config.max_bytes,
      millis(config.max_age),
    ];
  };
  try {
    expect(first.eventWindowMs).toBe(60_000);
    expect(await kept()).toEqual([60_000, 25_000_000, limits.factKeepMs]);
    await (await open({ EVENT_WINDOW_MS: "90000", FACTS_MAX_BYTES: "30000000" })).close();
    await (await open({ EVENT_WINDOW_MS: "60000", FACTS_MAX_BYTES: "20000000" })).close();
    expect(await kept()).toEqual([90_000, 37_500_000, limits.factKeepMs]);
  } finally {
    await first.close();
  }
});

it("starts where the limits of the streams fit into the broker's store once, and not twice", async () => {
  await using folder = await tempDir();
  const config = path.join(folder.path, "small.conf");
  await writeFile(config, `jetstream { max_file_store: ${70 * 2 ** 20} }\n`);
  await using nats = await startNats({ dir: folder.path, args: ["-c", config] });
  const sizes = { eventsMaxBytes: 40 * 2 ** 20, factsMaxBytes: 20 * 2 ** 20 };
  const open = (more: object) => openBus({ servers: nats.url, name: "test", log, ...sizes, ...more });
  const worker = await open({ ackWaitMs: 2_000 });
  const others = [await open({}), await open({ ackWaitMs: 2_000 })];
  for (const bus of [worker, ...others]) await bus.close();
});

it("keeps events for as long as the protocol says when nothing is set, and takes no window below a minute", () => {
  const read = (env: Record<string, string>) => readConfig(z.object(brokerFields()), env);
  expect(read({}).EVENT_WINDOW_MS).toBe(limits.resumeWindowMs);
  expect(() => read({ EVENT_WINDOW_MS: "59999" })).toThrow(/EVENT_WINDOW_MS/);
});
