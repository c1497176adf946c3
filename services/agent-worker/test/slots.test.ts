import type { Delivery } from "@parley/bus";
import { createLogger, sleep } from "@parley/runtime";
import { expect, it } from "vitest";
import { startPulling } from "../src/pulling.ts";
import { createResting } from "../src/resting.ts";
import { createSlots } from "../src/slots.ts";

const log = createLogger({ service: "test", level: "fatal", format: "pretty" });

function deliveryOf(seq: number, naks: number[]): Delivery {
  const message = { id: "m", message_id: "m", message: "hello", accepted_at: 1 };
  return {
    ...{ seq, storedMs: 1, deliveries: 1 },
    request: { v: 1, turn_id: `t${seq}`, conversation_id: `c${seq}`, user: { id: "u" }, ...message },
    ack: () => Promise.resolve(),
    nak: () => void naks.push(seq),
    putBack: () => Promise.resolve(),
    working() {},
  };
}

it.each([1, 2, 5])("never asks the broker for more turns than it has %i slots for", async (limit) => {
  const slots = createSlots(limit);
  const stopping = new AbortController();
  const finish: (() => void)[] = [];
  let asked = 0;
  let running = 0;
  let seq = 0;
  const seen: number[] = [];
  // A broker that always has as many turns as it is asked for, each a moment later.
  const pull = async (most: number, _ms: number, onDelivery: (delivery: Delivery) => void): Promise<void> => {
    asked += most;
    seen.push(asked + running);
    for (let i = 0; i < most; i++) {
      await Promise.resolve();
      asked--;
      onDelivery(deliveryOf(++seq, []));
    }
  };
  const take = (): void => {
    running++;
    void slots.occupy(() => new Promise((resolve) => finish.push(resolve))).then(() => running--);
  };
  startPulling({ turns: { pull }, slots, take, queue: take, room: () => 0, signal: stopping.signal, log });
  for (let i = 0; i < 30; i++) {
    await expect.poll(() => finish.length).toBeGreaterThan(0);
    finish.shift()?.();
  }
  stopping.abort();
  expect(Math.max(...seen)).toBe(limit);
  for (const end of finish) end();
});

it("gives a free slot to what is here already before it pulls for more, and to whoever must have one before that", async () => {
  const slots = createSlots(1);
  const { signal } = new AbortController();
  await slots.take(signal);
  const order: string[] = [];
  let waitingHere = 1;
  slots.serve(() => {
    if (waitingHere === 0) return false;
    waitingHere--;
    order.push("here");
    return true;
  });
  void slots.takeSpare(signal).then(() => order.push("pull"));
  void slots.take(signal).then(() => order.push("janitor"));
  for (const length of [1, 2, 3]) {
    slots.release();
    await expect.poll(() => order.length).toBe(length);
    expect(slots.taken()).toBe(1);
  }
  expect(order).toEqual(["janitor", "here", "pull"]);
});

it("looks ahead only while no slot is free and there is room, and never keeps a pull waiting for that", async () => {
  const slots = createSlots(1);
  const stopping = new AbortController();
  const asked: [number, number][] = [];
  const queued: number[] = [];
  let room = 0;
  let left = 70;
  const pull = async (most: number, ms: number, onDelivery: (delivery: Delivery) => void): Promise<void> => {
    if (asked.length > 0 || ms === 0) asked.push([most, ms]);
    if (ms > 0) return onDelivery(deliveryOf(1, []));
    for (let i = 0; i < most && left > 0; i++) onDelivery(deliveryOf(left--, []));
    await Promise.resolve();
  };
  const queue = ({ seq }: Delivery): void => {
    queued.push(seq);
    room--;
  };
  const take = (): void => {};
  const pulling = startPulling({
    ...{ turns: { pull }, slots, take, queue, room: () => room, signal: stopping.signal, log },
  });
  await sleep(300, stopping.signal);
  expect(asked).toEqual([]);
  room = 100;
  await expect.poll(() => queued.length).toBe(70);
  await expect
    .poll(() => asked.slice(0, 2))
    .toEqual([
      [64, 0],
      [36, 0],
    ]);
  pulling.pause(60_000);
  const before = asked.length;
  await sleep(300, stopping.signal);
  expect(asked.length - before).toBeLessThanOrEqual(1);
  stopping.abort();
});

it("lends the slot that a pull has nothing for, and queues what comes for it then", async () => {
  const slots = createSlots(1);
  const stopping = new AbortController();
  let deliver = (_delivery: Delivery): void => {};
  let end = (): void => {};
  const pull = (_most: number, _ms: number, onDelivery: typeof deliver): Promise<void> => {
    deliver = onDelivery;
    return new Promise((resolve) => (end = resolve));
  };
  const got: string[] = [];
  const pulling = startPulling({
    ...{ turns: { pull }, slots, room: () => 0, signal: stopping.signal, log },
    take: ({ seq }) => void got.push(`took ${seq}`),
    queue: ({ seq }) => void got.push(`queued ${seq}`),
  });
  await expect.poll(() => slots.taken()).toBe(1);
  expect([pulling.lend(), pulling.lend()]).toEqual([true, false]);
  deliver(deliveryOf(7, []));
  expect(got).toEqual(["queued 7"]);
  stopping.abort();
  end();
  await Promise.resolve();
  expect(slots.taken()).toBe(1);
});

it.each([
  [4, 3, 0],
  [4, 4, 1],
  [32, 3, 0],
  [32, 4, 4],
  [100, 11, 0],
  [100, 12, 12],
])("of %i slots, while one user has %i, lets %i more in", (limit, mostOfOne, extra) => {
  const slots = createSlots(limit);
  while (slots.tryTake());
  let taken = 0;
  while (slots.tryTakeExtra(mostOfOne)) taken++;
  expect(taken).toBe(extra);
  for (let i = 0; i < extra; i++) slots.release();
  expect(slots.tryTake()).toBe(false);
});

it("hands a slot to who has waited longest", async () => {
  const slots = createSlots(1);
  const { signal } = new AbortController();
  await slots.take(signal);
  const order: string[] = [];
  const waiters = ["first", "second"].map(async (name) => {
    await slots.take(signal);
    order.push(name);
    slots.release();
  });
  slots.release();
  expect(slots.tryTake()).toBe(false);
  await Promise.all(waiters);
  expect(order).toEqual(["first", "second"]);
  expect(slots.tryTake()).toBe(true);
});

it("gives back at once what would rest in a process that stops", () => {
  const naks: number[] = [];
  const resting = createResting();
  resting.rest(deliveryOf(1, naks));
  resting.giveBack();
  expect(naks).toEqual([1]);
  resting.rest(deliveryOf(2, naks));
  expect(naks).toEqual([1, 2]);
});

it("lets those that wait in when there are more, and nobody in until fewer are taken when there are less", async () => {
  const slots = createSlots(1);
  const { signal } = new AbortController();
  await slots.take(signal);
  const granted: string[] = [];
  const waiters = ["first", "second"].map((name) => slots.take(signal).then(() => granted.push(name)));
  slots.resize(2);
  await expect.poll(() => granted).toEqual(["first"]);
  slots.resize(1);
  slots.release();
  expect(slots.taken()).toBe(1);
  slots.release();
  await Promise.all(waiters);
  expect(granted).toEqual(["first", "second"]);
  expect(slots.taken()).toBe(1);
});
