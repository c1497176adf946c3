import { isTerminal, type TurnRequest } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { startWorkbench, type Workbench } from "./workbench.ts";

/** A quarter of a second for each turn. */
const sim = "tokens=5 rate=20";
const slots = { SLOTS: "4" };

const flood = (
  bench: Workbench,
  count: number,
  options: { sim?: string; user?: string } = {},
): Promise<TurnRequest[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => bench.ask(`message ${i}`, { user: "flood", sim, ...options })));

const begun = async (bench: Workbench, turns: readonly TurnRequest[]): Promise<number> => {
  const events = await Promise.all(turns.map((turn) => bench.events(turn)));
  return events.filter((of) => of.some(({ event }) => event.type === "claimed")).length;
};
const ends = async (bench: Workbench, turns: readonly TurnRequest[]): Promise<string[]> =>
  (await Promise.all(turns.map((turn) => bench.events(turn)))).flatMap((of) =>
    of.flatMap(({ event }) => (isTerminal(event.type) ? [event.type] : [])),
  );
/** Turns that a worker holds without a slot. */
async function heldBy({ adminPort }: { readonly adminPort: number }): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(/^parley_turns_held\{[^}]*\} (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
}
const holds = (worker: { readonly adminPort: number }, least: number): Promise<boolean> =>
  eventually(async () => (await heldBy(worker)) >= least, { what: `${least} turns that wait for a slot` });

it.each([1, 2])("lets a newcomer pass one user's sixty turns, with %i workers", async (count) => {
  await using bench = await startWorkbench();
  await Promise.all(Array.from({ length: count }, () => bench.addWorker(slots)));
  const turns = await flood(bench, 60);
  const newcomer = await bench.ask("hello", { user: "new", sim });
  expect(await bench.ended(newcomer)).toMatchObject({ type: "complete" });
  // Without a turn of their own they would have waited for all sixty.
  expect(await begun(bench, turns)).toBeLessThan(40);
  for (const turn of turns) expect(await bench.ended(turn)).toMatchObject({ type: "complete" });
  expect(await ends(bench, turns)).toHaveLength(60);
});

it("does not let a newcomer wait until one of one user's turns ends", async () => {
  await using bench = await startWorkbench();
  const worker = await bench.addWorker(slots);
  const turns = await flood(bench, 20, { sim: "tokens=400 rate=20" });
  await holds(worker, 10);
  const newcomer = await bench.ask("hello", { user: "new", sim });
  expect(await bench.ended(newcomer)).toMatchObject({ type: "complete" });
  expect(await ends(bench, turns)).toEqual([]);
});

it("one user alone has all slots", async () => {
  await using bench = await startWorkbench();
  const worker = await bench.addWorker(slots);
  const turns = await flood(bench, 12, { sim: "tokens=40 rate=20" });
  await holds(worker, 8);
  expect(await begun(bench, turns)).toBe(4);
});

it("gives turns that wait for a slot to a worker that comes later", async () => {
  await using bench = await startWorkbench();
  const first = await bench.addWorker({ SLOTS: "1" });
  const turns = await flood(bench, 20, { sim: "tokens=200 rate=20" });
  await holds(first, 19);
  await bench.addWorker({ SLOTS: "100" });
  await eventually(async () => (await begun(bench, turns)) >= 15, { what: "most of them begun", timeoutMs: 8_000 });
});

it("P1: ends every turn of a worker that is killed while they wait for a slot, once and in the order of each conversation", async () => {
  await using bench = await startWorkbench();
  const first = await bench.addWorker(slots);
  const ordered = [];
  for (const i of [0, 1, 2])
    ordered.push(await bench.ask(`in order ${i}`, { conversation: "c_order", user: "flood", sim }));
  const turns = [...ordered, ...(await flood(bench, 60))];
  await holds(first, 50);
  await bench.addWorker({ SLOTS: "20" });
  await first.kill("SIGKILL");
  for (const turn of turns) expect(await bench.ended(turn)).toMatchObject({ type: "complete" });
  expect(await ends(bench, turns)).toHaveLength(63);
  const stored = (await Promise.all(ordered.map((turn) => bench.events(turn))))
    .flat()
    .toSorted((a, b) => a.seq - b.seq);
  const order = stored.filter(({ event }) => isTerminal(event.type)).map(({ event }) => event.turn_id);
  expect(order).toEqual(ordered.map(({ turn_id }) => turn_id));
});

it("gives what waits for a slot back at once when it stops", async () => {
  await using bench = await startWorkbench();
  // Nobody would get them before that time was over.
  const first = await bench.addWorker({ ...slots, ACK_WAIT_MS: "60000" });
  const turns = await flood(bench, 30);
  await holds(first, 20);
  await bench.addWorker({ SLOTS: "50", ACK_WAIT_MS: "60000" });
  await first.kill("SIGTERM");
  for (const turn of turns) expect(await bench.ended(turn)).toMatchObject({ type: "complete" });
});

it("P6: ends a cancelled turn at once that waits for a slot", async () => {
  await using bench = await startWorkbench();
  const worker = await bench.addWorker({ SLOTS: "1" });
  const turns = await flood(bench, 5, { sim: "tokens=400 rate=20" });
  await holds(worker, 4);
  const last = turns[4]!;
  await bench.cancel(last);
  expect(await bench.ended(last)).toMatchObject({ type: "cancelled" });
  expect(await begun(bench, turns)).toBe(2);
});

it("ends a turn that has waited too long for a slot", async () => {
  await using bench = await startWorkbench();
  await bench.addWorker({ SLOTS: "1", QUEUE_AGE_MS: "2000", JANITOR_MS: "600000" });
  const [first, second] = [await bench.ask("first", { sim: "tokens=100 rate=20" }), await bench.ask("second", { sim })];
  expect(await bench.ended(second)).toMatchObject({ type: "error", code: "QUEUE_TIMEOUT" });
  // Without a slot, and without the janitor.
  expect(await ends(bench, [first])).toEqual([]);
});
