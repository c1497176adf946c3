import { encodeEvent, isTerminal, subjects, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

const endless = "tokens=4000 rate=40";
/** The broker will not deliver the turn again while the test runs. */
const patient = { ACK_WAIT_MS: "120000", JANITOR_MS: "600000" };
const promptMs = 5_000;

it.each(["killed", "frozen"] as const)("cancels a turn whose worker is %s, promptly", async (what) => {
  await using bench = await startWorkbench();
  const lost = await bench.addWorker(patient);
  const turn = await bench.ask("hello", { sim: endless });
  const next = await bench.ask("again", { conversation: turn.conversation_id });
  await bench.seen(turn, ({ type }) => type === "token");
  const other = await bench.addWorker(patient);
  if (what === "killed") await lost.kill("SIGKILL");
  else lost.freeze();
  const askedAt = performance.now();
  await bench.cancel(turn);
  const end = await bench.ended(turn);
  expect(performance.now() - askedAt).toBeLessThan(promptMs);
  expect(end).toMatchObject({ type: "cancelled", attempt: 2 });
  expect(end.response).not.toBe("");
  // Nothing holds the place of what came behind it but that one's own delivery.
  await eventually(async () => (await bench.bus.turns.first(turn.conversation_id))?.request.turn_id === next.turn_id, {
    what: "the next turn at the front",
  });
  if (what === "frozen") {
    lost.thaw();
    await bench.seen(next, ({ type }) => type === "complete");
  }
  const events = (await bench.events(turn)).map(({ event }) => event);
  expect(textOf(events)).toBe(end.response);
  expectSoundChain(events);
  await other.stop();
});

/** A worker that hears no request to cancel, and appends text as fast as the broker takes it. Resolves with its last sequence when it is fenced. */
async function writeDeafly({ bus }: Workbench, { conversation_id, turn_id }: TurnRequest): Promise<number> {
  const subject = subjects.agent(bus.events.shardOf(conversation_id), conversation_id, turn_id);
  const chained = { conversation_id, turn_id, ts: Date.now(), attempt: 1 };
  const claim = { type: "claimed" as const, ...chained, n: 0, worker: "deaf" };
  let written = await bus.events.append({ subject, data: encodeEvent(claim), expect: 0 });
  let seq = 0;
  for (let n = 1; written.kind === "stored"; n++) {
    seq = written.seq;
    const token = { type: "token" as const, ...chained, n, token: `${n} ` };
    written = await bus.events.append({ subject, data: encodeEvent(token), expect: seq });
  }
  return seq;
}

it("takes a cancelled turn from a worker that writes on and on", async () => {
  await using bench = await startWorkbench();
  // It sets the ack wait, so that the broker leaves the turn to whom it is delivered.
  await (await bench.addWorker(patient)).stop();
  const turn = await bench.ask("hello");
  await bench.bus.turns.pull(1, 2_000, () => {});
  await bench.addWorker(patient);
  const writing = writeDeafly(bench, turn);
  await bench.seen(turn, ({ type }) => type === "token");
  await bench.cancel(turn);
  const last = await writing;
  expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", attempt: 2 });
  const stored = await bench.events(turn);
  expect(stored.filter(({ event }) => event.type === "token").at(-1)?.seq).toBe(last);
});

it("leaves a cancelled turn to the live worker that ends it", async () => {
  await using bench = await startWorkbench();
  await Promise.all([bench.addWorker(patient), bench.addWorker(patient), bench.addWorker(patient)]);
  const turns = await Promise.all(Array.from({ length: 12 }, () => bench.ask("hello", { sim: endless })));
  for (const turn of turns) await bench.seen(turn, ({ type }) => type === "token");
  await Promise.all(turns.map((turn) => bench.cancel(turn)));
  for (const turn of turns) {
    expect(await bench.ended(turn)).toMatchObject({ type: "cancelled", attempt: 1 });
    const ends = (await bench.events(turn)).filter(({ event }) => isTerminal(event.type));
    expect(ends).toHaveLength(1);
  }
});
