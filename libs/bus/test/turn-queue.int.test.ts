import type { Delivery, TurnQueue } from "@parley/bus";
import { limits, subjects, type TurnRequest } from "@parley/protocol";
import { expect, it } from "vitest";
import { openTestBus } from "./workbench.ts";

function turn(id: string, conversation = "c1"): TurnRequest {
  const message = { id, message_id: `${id}-u`, message: "hello", accepted_at: 1 };
  return { v: 1, turn_id: id, conversation_id: conversation, user: { id: "anna" }, ...message };
}

it("takes a repeated turn for the same one", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  const first = await turns.submit(turn("t1"));
  expect(await turns.submit(turn("t1"))).toEqual({ seq: first.seq, duplicate: true, isAlone: false });
  expect(await turns.waiting("c1")).toHaveLength(1);
});

it("says of a turn whether it is alone in its conversation", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  expect(await turns.submit(turn("t1"))).toMatchObject({ isAlone: true });
  expect(await turns.submit(turn("t2"))).toMatchObject({ isAlone: false });
  expect(await turns.submit(turn("t3", "c2"), { onlyIfIdle: true })).toMatchObject({ isAlone: true });
  await turns.removeFirst(1);
  await turns.removeFirst(2);
  expect(await turns.submit(turn("t4"))).toMatchObject({ isAlone: true });
});

it("refuses more turns than may wait in a conversation, and only in that one", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  for (let i = 0; i < limits.turnsPerConversation; i++) await turns.submit(turn(`t${i}`));
  await expect(turns.submit(turn("one-more"))).rejects.toMatchObject({ code: "QUEUE_FULL" });
  await turns.submit(turn("elsewhere", "c2"));
});

it("refuses a turn that may only run in an idle conversation", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  await turns.submit(turn("t1"), { onlyIfIdle: true });
  await expect(turns.submit(turn("t2"), { onlyIfIdle: true })).rejects.toMatchObject({ code: "CONVERSATION_BUSY" });
});

it("forgets a turn that has ended but was left in the queue, when its place is needed", async () => {
  await using bench = await openTestBus();
  const { turns, events } = bench.bus;
  await turns.submit(turn("t1"));
  const outcome = { response: "", message_id: "t1-a", tool_calls: [], usage: { input_tokens: 0, output_tokens: 0 } };
  const chained = { conversation_id: "c1", turn_id: "t1", ts: 1, attempt: 1, n: 0 };
  await events.writeOnce(subjects.agent(0, "c1", "t1"), { type: "complete", ...chained, ...outcome, metadata: {} });
  await turns.submit(turn("t2"), { onlyIfIdle: true });
  expect((await turns.waiting("c1")).map(({ request }) => request.turn_id)).toEqual(["t2"]);
});

async function pulled(turns: TurnQueue): Promise<Delivery | undefined> {
  let came: Delivery | undefined;
  await turns.pull(1, 1_000, (delivery) => (came = delivery));
  return came;
}

it("delivers as many turns as are asked for, and waits for no more than come", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  for (const id of ["t1", "t2", "t3"]) await turns.submit({ ...turn(id), conversation_id: `c-${id}` });
  const came: string[] = [];
  const note = ({ request }: Delivery): void => void came.push(request.turn_id);
  await turns.pull(2, 1_000, note);
  expect(came).toEqual(["t1", "t2"]);
  await turns.pull(2, 1_000, note);
  expect(came).toEqual(["t1", "t2", "t3"]);
});

it("marks a turn that was alone in its conversation when it came, while nobody else has had it", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  for (const id of ["t1", "t2"]) await turns.submit(turn(id));
  await turns.submit(turn("t3", "c2"), { onlyIfIdle: true });
  const came: Delivery[] = [];
  await turns.pull(3, 1_000, (delivery) => came.push(delivery));
  const marks = () => came.map(({ request, isFirst = false }) => [request.turn_id, isFirst]);
  const [alone, behind] = came;
  expect(marks()).toEqual([
    ["t1", true],
    ["t2", false],
    ["t3", true],
  ]);
  alone?.nak();
  behind?.nak();
  came.length = 0;
  await turns.pull(2, 1_000, (delivery) => came.push(delivery));
  expect(marks()).toEqual([
    ["t1", false],
    ["t2", false],
  ]);
});

it("delivers a turn again until it is acknowledged", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  await turns.submit(turn("t1"));
  const first = await pulled(turns);
  first?.nak();
  const second = await pulled(turns);
  expect(second).toMatchObject({ request: turn("t1"), deliveries: 2 });
  await second?.ack();
  await expect.poll(() => turns.waiting("c1")).toEqual([]);
});

it("does not show a turn that it cannot read, and delivers what can be read of it, marked", async () => {
  await using bench = await openTestBus();
  const { turns, nc } = bench.bus;
  await nc.request(subjects.turns("c1"), JSON.stringify({ ...turn("t0"), v: 99, message: { parts: [] } }));
  await turns.submit(turn("t1"));
  expect((await turns.waiting("c1")).map(({ request }) => request.turn_id)).toEqual(["t1"]);
  const request = { conversation_id: "c1", turn_id: "t0", message: "" };
  expect(await pulled(turns)).toMatchObject({ isUnreadable: true, request });
  expect(await pulled(turns)).toMatchObject({ request: { turn_id: "t1" } });
  expect(await turns.backlog()).toEqual({ waiting: 0, delivered: 2 });
});

it("tells how long a turn has waited by the broker's clock", async () => {
  await using bench = await openTestBus();
  const { turns, events } = bench.bus;
  await turns.submit(turn("t1"));
  const [queued] = await turns.waiting("c1");
  expect(Math.abs((queued?.storedMs ?? 0) - Date.now())).toBeLessThan(5_000);
  const append = () =>
    events.append({ subject: subjects.user(0, "c2", `t${performance.now()}`), data: new Uint8Array([123, 125]) });
  await append();
  await expect.poll(async () => (await append(), turns.waitedMs(queued!)), { timeout: 5_000 }).toBeGreaterThan(300);
});

it("takes what comes to it until it has ended its pulls, and nothing after that", async () => {
  await using bench = await openTestBus();
  const { turns } = bench.bus;
  const came: Delivery[] = [];
  const pulling = turns.pull(2, 20_000, (delivery) => came.push(delivery));
  await turns.submit(turn("t1"));
  await expect.poll(() => came.length).toBe(1);
  await turns.endPulls();
  await pulling;
  await turns.submit({ ...turn("t2"), conversation_id: "c2" });
  expect(await turns.backlog()).toEqual({ waiting: 1, delivered: 1 });
});
