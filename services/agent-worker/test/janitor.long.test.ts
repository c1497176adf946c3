import { writeFile } from "node:fs/promises";
import path from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { streams, subjects, turnsConsumer, type TurnRequest } from "@parley/protocol";
import { eventually, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

/** The broker will not give a turn to anybody else by itself while the test runs; the janitor looks all the time. */
const watchful = { JANITOR_MS: "100", ACK_WAIT_MS: "2000" };

/**
 * Makes the broker forget that the turn was delivered, as 2.9.10 does now and then when it is killed: the message stays, nobody gets it, and
 * the consumer takes it for settled. It is given back, by the worker's own rights, while nothing may be delivered twice.
 */
async function forget(bench: Workbench, turn: TurnRequest): Promise<void> {
  const { nc, turns } = bench.bus;
  const manager = await jetstreamManager(nc);
  const queued = (await turns.waiting(turn.conversation_id)).find(({ request }) => request.turn_id === turn.turn_id);
  const info = async () => manager.consumers.info(streams.turns, turnsConsumer);
  const { config, delivered } = await info();
  await manager.consumers.update(streams.turns, turnsConsumer, { ...config, max_deliver: 1 });
  nc.publish(`$JS.ACK.${streams.turns}.${turnsConsumer}.1.${queued?.seq}.${delivered.consumer_seq}.0.0`, "-NAK");
  await eventually(async () => (await info()).num_ack_pending === 0, { what: "the forgotten delivery" });
  await manager.consumers.update(streams.turns, turnsConsumer, config);
  // The floor moves with the next turn that is acknowledged.
  await bench.ended(await bench.ask("hello"));
  await eventually(async () => (await turns.deliveryState()).settledUpTo >= (queued?.seq ?? Infinity), {
    what: "a floor above the forgotten turn",
  });
}

it("removes a turn that ended but was left in the queue", async () => {
  await using bench = await startWorkbench();
  const turn = await bench.ask("hello");
  const { conversation_id, turn_id } = turn;
  // Delivered to somebody who neither acknowledges nor returns it.
  await bench.bus.turns.pull(1, 2_000, () => {});
  const outcome = { response: "", message_id: "m", tool_calls: [], usage: { input_tokens: 0, output_tokens: 0 } };
  await bench.bus.events.writeOnce(subjects.agent(0, conversation_id, turn_id), {
    ...{ type: "complete", conversation_id, turn_id, ts: 1, attempt: 1, n: 0, metadata: {} },
    ...outcome,
  });
  await bench.addWorker({ JANITOR_MS: "100", ACK_WAIT_MS: "60000" });
  await expect.poll(() => bench.bus.turns.waiting(conversation_id), { timeout: 5_000 }).toEqual([]);
});

it(
  "leaves a turn alone that the broker forgot and its worker did not, however long the model is silent",
  { timeout: 60_000 },
  async () => {
    await using bench = await startWorkbench();
    await bench.addWorker({ ...watchful, ACK_WAIT_MS: "60000" });
    const turn = await bench.ask("hello", { sim: "hang=headers" });
    await bench.seen(turn, ({ type }) => type === "thinking");
    await bench.addWorker(watchful);
    await bench.addWorker(watchful);
    await forget(bench, turn);
    // Silent for several times as long as a worker may be.
    const silentSince = performance.now();
    await eventually(() => performance.now() - silentSince > 8_000, { what: "silence", timeoutMs: 10_000 });
    await bench.cancel(turn);
    expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", attempt: 1 });
    await expect.poll(() => bench.bus.turns.waiting(turn.conversation_id), { timeout: 10_000 }).toEqual([]);
  },
);

/** A broker whose user `mute` has the permissions of before workers could talk; `mended` is read when it is told to read them again. */
async function brokerWithRoles() {
  const folder = await tempDir();
  const file = path.join(folder.path, "roles.conf");
  const write = (permissions: string): Promise<void> =>
    writeFile(
      file,
      `authorization { users: [ { user: any, password: pw }, { user: mute, password: pw, permissions: {${permissions}} } ] }
      no_auth_user: any`,
    );
  const deny = `deny: "chat.agent.>"`;
  await write(`publish: {${deny}}, subscribe: {${deny}}`);
  return { args: ["-c", file], mend: () => write(""), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

it.each(["none of the workers may talk", "its worker never answers, as an older one"])(
  "leaves a turn alone whose model is silent for long when %s",
  { timeout: 60_000 },
  async (who) => {
    await using broker = await brokerWithRoles();
    await using bench = await startWorkbench(broker.args);
    const asMute = { ...watchful, NATS_URL: bench.nats.url.replace("//", "//mute:pw@") };
    await bench.addWorker(asMute);
    const turn = await bench.ask("hello", { sim: "hang=headers" });
    await bench.seen(turn, ({ type }) => type === "thinking");
    await bench.addWorker(who.startsWith("none") ? asMute : watchful);
    const silentSince = performance.now();
    await eventually(() => performance.now() - silentSince > 10_000, { what: "silence", timeoutMs: 12_000 });
    await bench.cancel(turn);
    expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", attempt: 1 });
  },
);

it("is heard by the others once the broker's permissions are mended and it has connected again", async () => {
  await using broker = await brokerWithRoles();
  await using bench = await startWorkbench(broker.args);
  await bench.addWorker({ ...watchful, NATS_URL: bench.nats.url.replace("//", "//mute:pw@") });
  const isHeard = async (): Promise<boolean> => {
    const turn = await bench.ask("hello");
    await bench.ended(turn);
    return (await bench.events(turn)).some(({ event }) => event.type === "claimed" && event.answers === true);
  };
  expect(await isHeard()).toBe(false);
  await broker.mend();
  await bench.nats.restart();
  await expect.poll(isHeard, { timeout: 15_000 }).toBe(true);
});

it("goes on with a turn that the broker forgot and whose worker is lost, once", { timeout: 60_000 }, async () => {
  await using bench = await startWorkbench();
  const env = { ...watchful, MAX_ATTEMPTS: "2" };
  const lost = await bench.addWorker(env);
  const turn = await bench.ask("hello", { sim: "tokens=200 rate=30" });
  await bench.seen(turn, ({ type }) => type === "token");
  lost.freeze();
  await Promise.all([bench.addWorker(env), bench.addWorker(env), bench.addWorker(env)]);
  await forget(bench, turn);
  await bench.seen(turn, (event) => event.type === "claimed" && event.attempt === 2);
  lost.thaw();
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(end).toMatchObject({ type: "complete", attempt: 2 });
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
});

it("leaves turns alone that wait to be delivered", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker({ ...watchful, SLOTS: "1" });
  const running = await bench.ask("hello", { sim: "hang=headers" });
  await bench.seen(running, ({ type }) => type === "thinking");
  const turn = await bench.ask("hello");
  const since = performance.now();
  await eventually(() => performance.now() - since > 6_000, { what: "many looks", timeoutMs: 10_000 });
  expect(await bench.events(turn)).toEqual([]);
  await bench.cancel(running);
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", attempt: 1 });
});

it("lets a running turn go on that somebody deleted from the queue, and says so", async () => {
  await using bench = await startWorkbench();
  const worker = await bench.addWorker(watchful);
  const turn = await bench.ask("hello", { sim: "tokens=100 rate=30" });
  await bench.seen(turn, ({ type }) => type === "token");
  const queued = await bench.bus.turns.first(turn.conversation_id);
  await bench.bus.turns.removeFirst(queued?.seq ?? 0);
  await eventually(() => worker.output().includes("vanished from the queue"), {
    what: "the log line",
    timeoutMs: 10_000,
  });
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", attempt: 1 });
  expectSoundChain((await bench.events(turn)).map(({ event }) => event));
  expect(await bench.ended(await bench.ask("again", { conversation: turn.conversation_id }))).toMatchObject({
    type: "complete",
  });
});
