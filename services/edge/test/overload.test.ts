import { Limits } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { createOverload } from "../src/admission/overload.ts";

const limits = Limits.parse({
  connections_at_lag_ms: 100,
  new_conversations_at_lag_ms: 200,
  messages_at_lag_ms: 400,
  new_conversations_at_queue_age_ms: 10_000,
  messages_at_queue_age_ms: 40_000,
});

function overloaded() {
  const load = { lagMs: 0, queueAgeMs: 0, looks: 0 };
  const overload = createOverload({
    current: () => limits,
    lag: () => load.lagMs,
    queueAge: async () => {
      load.looks++;
      return load.queueAgeMs;
    },
  });
  return {
    load,
    overload,
    late(ms: number): void {
      load.lagMs = ms;
      overload.sweep();
      overload.sweep();
    },
    refused: () => ({
      connections: overload.connection() !== undefined,
      first: overload.message(true) !== undefined,
      next: overload.message(false) !== undefined,
    }),
  };
}

it("turns new connections away first, then first messages, and those who talk already last", () => {
  const { late, refused } = overloaded();
  expect(refused()).toEqual({ connections: false, first: false, next: false });
  late(150);
  expect(refused()).toEqual({ connections: true, first: false, next: false });
  late(250);
  expect(refused()).toEqual({ connections: true, first: true, next: false });
  late(500);
  expect(refused()).toEqual({ connections: true, first: true, next: true });
});

it("takes all again only at half of what it was turned away at", () => {
  const { late, refused } = overloaded();
  late(120);
  expect(refused().connections).toBe(true);
  late(60);
  expect(refused().connections).toBe(true);
  late(49);
  expect(refused().connections).toBe(false);
  late(60);
  expect(refused().connections).toBe(false);
});

it("does not take one long pause for a load", () => {
  const { load, overload, refused } = overloaded();
  load.lagMs = 5_000;
  overload.sweep();
  load.lagMs = 0;
  overload.sweep();
  expect(refused().connections).toBe(false);
});

it("says when to come again, longer the worse it is, and never longer than a minute and some", () => {
  const { late, overload } = overloaded();
  late(150);
  const mild = overload.connection()?.retryAfterMs ?? 0;
  late(3_000);
  const bad = overload.connection()?.retryAfterMs ?? 0;
  expect(mild).toBeGreaterThanOrEqual(1_000);
  expect(mild).toBeLessThanOrEqual(1_500);
  expect(bad).toBeGreaterThanOrEqual(24_000);
  late(1e9);
  expect(overload.connection()?.retryAfterMs).toBeLessThanOrEqual(75_000);
});

it("looks at the queue once a second, while messages come, and turns away by how long its oldest turn waits", async () => {
  const { load, overload, refused } = overloaded();
  load.queueAgeMs = 20_000;
  expect(refused().first).toBe(false);
  await eventually(() => refused().first, { what: "it has looked" });
  expect(refused()).toEqual({ connections: false, first: true, next: false });
  expect(load.looks).toBe(1);
  const wait = overload.message(true)?.retryAfterMs ?? 0;
  expect(wait).toBeGreaterThanOrEqual(10_000);
  expect(wait).toBeLessThanOrEqual(12_500);
  load.queueAgeMs = 60_000;
  await eventually(() => refused().next, { what: "it has looked again" });
  expect(load.looks).toBe(2);
});
