import {
  encodeEvent,
  subjects,
  type ChainEvent,
  type Outcome,
  type StoredEvent,
  type TurnRequest,
} from "@parley/protocol";
import { expect, it } from "vitest";
import { expectSoundChain, textOf } from "../chain-check.ts";
import { chunk, sendStream, startProvider, writeChunks, type Answer } from "../model/fake-provider.ts";
import { startWorkbench, type Workbench } from "../workbench.ts";

const asked = "The brakes don't work!";
const warning = "**Warning: do not drive on.**";

const says =
  (text: string): Answer =>
  (res) =>
    sendStream(res, chunk({ content: text }), chunk({}, "stop"));
const begins =
  (text: string): Answer =>
  (res) =>
    writeChunks(res, chunk({ content: text }));
const hangs: Answer = () => {};
const breaks =
  (text: string): Answer =>
  (res) => {
    writeChunks(res, chunk({ content: text }));
    setTimeout(() => res.destroy(), 100);
  };

function play(answers: readonly Answer[]) {
  return startProvider((res, request, turn) => answers[Math.min(turn, answers.length - 1)]?.(res, request, turn));
}

/** P2: what viewers have is what is stored, with the warning at its beginning, once. */
async function endOf(bench: Workbench, turn: TurnRequest): Promise<{ end: Outcome; events: StoredEvent[] }> {
  const end = await bench.ended(turn);
  const events = (await bench.events(turn)).map(({ event }) => event);
  expectSoundChain(events);
  expect(textOf(events)).toBe(end.response);
  const { turns } = await bench.bus.transcripts.tail(turn.conversation_id, { limit: 10 });
  expect(turns.at(-1)?.answer?.message).toBe(end.response);
  return { end, events };
}

const timesIn = (text: string): number => text.split(warning).length - 1;
const told = (events: readonly StoredEvent[]): number =>
  events.filter((event) => event.type === "token" && event.token.startsWith(warning)).length;
const ask = (bench: Workbench): Promise<TurnRequest> => bench.ask(asked, { agent: "troubleshooting" });

it("the answer begins with the warning, which is stored before the model is asked and told to it", async () => {
  const stored: (() => Promise<void>)[] = [];
  await using provider = await play([
    (res) => void Promise.all(stored.map((look) => look())).then(() => says("Have it towed.")(res, {} as never, 0)),
  ]);
  await using bench = await startWorkbench();
  await bench.addWorker({ OPENAI_BASE_URL: provider.baseURL });
  const turn = await ask(bench);
  let before = "";
  stored.push(async () => void (before = textOf((await bench.events(turn)).map(({ event }) => event))));
  const { end } = await endOf(bench, turn);
  expect(before).toMatch(/^\*\*Warning: do not drive on\.\*\* If you are driving/);
  expect(end).toMatchObject({ type: "complete", response: `${before}\n\nHave it towed.` });
  expect(JSON.stringify(provider.requests[0]?.body)).toContain(
    "The user reads this fixed warning above your answer already",
  );
});

it("who names no list pays nothing, and a message without danger has no warning", async () => {
  await using provider = await play([says("Fine.")]);
  await using bench = await startWorkbench();
  await bench.addWorker({ OPENAI_BASE_URL: provider.baseURL });
  for (const [message, agent] of [
    [asked, "general"],
    ["The brakes squeal", "troubleshooting"],
  ] as const) {
    const { end, events } = await endOf(bench, await bench.ask(message, { agent }));
    expect(end.response).toBe("Fine.");
    expect(events.map(({ type }) => type)).not.toContain("_opening");
  }
});

it.each([
  ["before it has text", hangs],
  ["with text of its own", begins("I thi")],
])("P2: a worker that is killed %s leaves the warning, and the next one does not repeat it", async (_, first) => {
  await using provider = await play([first, says("Have it towed.")]);
  await using bench = await startWorkbench();
  const env = { OPENAI_BASE_URL: provider.baseURL };
  const killed = await bench.addWorker(env);
  const turn = await ask(bench);
  const ready = first === hangs ? warning : "I thi";
  await bench.seen(turn, (event) => event.type === "token" && event.token.includes(ready));
  await expect.poll(() => provider.requests.length, { timeout: 10_000 }).toBe(1);
  const second = bench.addWorker(env);
  await killed.kill("SIGKILL");
  await second;
  const { end, events } = await endOf(bench, turn);
  expect(end.response).toMatch(/^\*\*Warning: do not drive on\.\*\* [^]*\n\nHave it towed\.$/);
  expect([timesIn(end.response), told(events)]).toEqual([1, 1]);
  expect(events.filter(({ type }) => type === "_opening")).toHaveLength(1);
  const kept = events.flatMap((event) => (event.type === "turn_restarted" ? [event.text] : []));
  expect(kept.every((text) => text.includes(warning))).toBe(true);
});

it.each([
  ["before it was told", []],
  ["after it was told", ["Decided before."]],
])("P2: what was decided by a worker that was lost %s is read and not decided again", async (_, texts) => {
  await using provider = await play([says("Have it towed.")]);
  await using bench = await startWorkbench();
  const turn = await ask(bench);
  const { conversation_id, turn_id } = turn;
  const at = (n: number) => ({ conversation_id, turn_id, attempt: 1, n, ts: Date.now() });
  const left: ChainEvent[] = [
    { type: "claimed", ...at(0), worker: "lost" },
    { type: "thinking", ...at(1), message: "Thinking…" },
    { type: "_opening", ...at(2), text: "Decided before." },
    ...texts.map((token): ChainEvent => ({ type: "token", ...at(3), token })),
  ];
  const subject = subjects.agent(bench.bus.events.shardOf(conversation_id), conversation_id, turn_id);
  for (const event of left) await bench.bus.events.append({ subject, data: encodeEvent(event) });
  await bench.addWorker({ OPENAI_BASE_URL: provider.baseURL });
  const { end, events } = await endOf(bench, turn);
  expect(end).toMatchObject({ type: "complete", response: "Decided before.\n\nHave it towed." });
  expect(events.filter(({ type }) => type === "turn_restarted")).toEqual([]);
});

it("P2: the warning stays when the model breaks off and begins again", async () => {
  await using provider = await play([breaks("Per"), says("Have it towed.")]);
  await using bench = await startWorkbench();
  await bench.addWorker({ OPENAI_BASE_URL: provider.baseURL });
  const { end, events } = await endOf(bench, await ask(bench));
  expect([timesIn(end.response), told(events)]).toEqual([1, 1]);
  expect(end.response).toMatch(/\n\nHave it towed\.$/);
});

it("P6: a turn that is cancelled keeps the warning that people have read", async () => {
  await using provider = await play([hangs]);
  await using bench = await startWorkbench();
  await bench.addWorker({ OPENAI_BASE_URL: provider.baseURL });
  const turn = await ask(bench);
  await bench.seen(turn, ({ type }) => type === "token");
  await bench.cancel(turn);
  const { end } = await endOf(bench, turn);
  expect(end).toMatchObject({ type: "cancelled" });
  expect(timesIn(end.response)).toBe(1);
});
