import type { Delivery } from "@parley/bus";
import { createLogger } from "@parley/runtime";
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
  startPulling({ turns: { pull }, slots, take, signal: stopping.signal, log });
  for (let i = 0; i < 30; i++) {
    await expect.poll(() => finish.length).toBeGreaterThan(0);
    finish.shift()?.();
  }
  stopping.abort();
  expect(Math.max(...seen)).toBe(limit);
  for (const end of finish) end();
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
