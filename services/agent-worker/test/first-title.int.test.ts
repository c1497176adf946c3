import { subjects, type TurnRequest } from "@parley/protocol";
import { eventually, type Service } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let worker: Service;

beforeAll(async () => {
  bench = await startWorkbench();
  worker = await bench.addWorker({ TITLES: "first-answer" });
});
afterAll(() => bench[Symbol.asyncDispose]());

/** How often the model was asked for a title, with this result. */
async function titles(result: string, of: Service = worker): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${of.adminPort}/metrics`)).text();
  return Number(new RegExp(`^parley_titles_total\\{.*result="${result}".*\\} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

async function titled({ conversation_id }: TurnRequest): Promise<string> {
  return eventually(() => bench.bus.titles.of(conversation_id), { what: "a title" });
}

it("gives a conversation a title after its first answer, and once", async () => {
  const turn = await bench.ask("Which pods crash in the shop?");
  const { seq: ended } = await endOf(turn);
  expect(await titled(turn)).toBe("Which pods crash in the shop?");
  const event = await eventually(() => bench.bus.events.last(subjects.titleEvent(0, turn.conversation_id)), {
    what: "the event",
  });
  expect(event.event).toMatchObject({ type: "title", n: 1, by: { role: "assistant" } });
  expect(event.seq).toBeGreaterThan(ended);
  // It is counted just after it was stored.
  await eventually(async () => (await titles("given")) === 1, { what: "the count" });
  const next = await bench.ask("And why?", { conversation: turn.conversation_id });
  await bench.ended(next);
  const other = await bench.ask("Something else");
  await titled(other);
  await eventually(async () => (await titles("given")) === 2, { what: "the count of the second" });
  expect(await titled(turn)).toBe("Which pods crash in the shop?");
});

it("keeps no other turn waiting, and gives way to a title of the owner's that comes meanwhile", async () => {
  const late = await titles("late");
  const turn = await bench.ask("Slow to be named", { sim: "first_ms=1500" });
  await bench.ended(turn);
  const next = await bench.ask("at once", { conversation: turn.conversation_id });
  await bench.ended(next);
  expect(await bench.bus.titles.of(turn.conversation_id)).toBeUndefined();
  await bench.bus.titles.give(turn.conversation_id, { title: "Mine", by: { role: "user", id: "tester" } });
  await eventually(async () => (await titles("late")) === late + 1, { what: "the model's title" });
  expect(await titled(turn)).toBe("Mine");
});

it("does not ask where there is a title", async () => {
  const turn = await bench.ask("Named before its answer", { sim: "tokens=40 rate=100" });
  await bench.bus.titles.give(turn.conversation_id, { title: "Mine" });
  const all = async (): Promise<number[]> =>
    Promise.all(["given", "late", "empty", "failed"].map((one) => titles(one)));
  const before = await all();
  await bench.ended(turn);
  const other = await bench.ask("Named after it");
  await titled(other);
  expect(await all()).toEqual([before[0]! + 1, ...before.slice(1)]);
  expect(await titled(turn)).toBe("Mine");
});

async function endOf(turn: TurnRequest) {
  await bench.ended(turn);
  const events = await bench.events(turn);
  return events.at(-1)!;
}

it("fails no turn where the model has no answer for it", async () => {
  await using other = await startWorkbench();
  const failing = await other.addWorker({ TITLES: "first-answer", TITLE_MODEL: "nobody-has-this-one" });
  const turn = await other.ask("hello there");
  expect(await other.ended(turn)).toMatchObject({ type: "complete" });
  await eventually(async () => (await titles("failed", failing)) === 1, { what: "the refusal" });
  expect(await other.bus.titles.of(turn.conversation_id)).toBeUndefined();
});
