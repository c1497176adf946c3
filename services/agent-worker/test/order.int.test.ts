import { isTerminal } from "@parley/protocol";
import { expect, it } from "vitest";
import { startWorkbench } from "./workbench.ts";

it("runs the turns of a conversation one after the other, in the order of acceptance", async () => {
  await using bench = await startWorkbench();
  await Promise.all([bench.addWorker(), bench.addWorker()]);
  const conversation = "c_order";
  const turns = [];
  for (const i of [0, 1, 2, 3]) turns.push(await bench.ask(`message ${i}`, { conversation, sim: "tokens=10 rate=50" }));
  for (const turn of turns) await bench.ended(turn);
  const stored = (await Promise.all(turns.map((turn) => bench.events(turn)))).flat().toSorted((a, b) => a.seq - b.seq);
  const marks = stored.filter(({ event }) => event.type === "claimed" || isTerminal(event.type));
  expect(marks.map(({ event }) => event.type)).toEqual(turns.flatMap(() => ["claimed", "complete"]));
  expect(marks.map(({ event }) => event.turn_id)).toEqual(turns.flatMap(({ turn_id }) => [turn_id, turn_id]));
});

it("begins a turn that waits at another worker as soon as the one before it has ended", async () => {
  await using bench = await startWorkbench();
  await Promise.all([bench.addWorker(), bench.addWorker()]);
  const conversation = "c_handed_on";
  const turns = [];
  for (let i = 0; i < 8; i++) turns.push(await bench.ask("hello", { conversation, sim: "tokens=10 rate=50" }));
  const times: { begun: number; ended: number }[] = [];
  for (const turn of turns) {
    await bench.ended(turn);
    const events = (await bench.events(turn)).map(({ event }) => event);
    times.push({ begun: events.find(({ type }) => type === "claimed")?.ts ?? 0, ended: events.at(-1)?.ts ?? 0 });
  }
  const gaps = times.slice(1).map(({ begun }, i) => begun - (times[i]?.ended ?? 0));
  // Half of them, so that a busy machine may hold up some. Without the word of whoever ended a turn it would be some seconds.
  expect(gaps.toSorted((a, b) => a - b)[3]).toBeLessThan(500);
});
