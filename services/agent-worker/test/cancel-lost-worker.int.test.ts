import { isTerminal } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "./chain-check.ts";
import { startWorkbench } from "./workbench.ts";

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
