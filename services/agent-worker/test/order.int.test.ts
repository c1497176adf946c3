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
