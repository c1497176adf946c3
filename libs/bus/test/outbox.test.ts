import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createOutbox } from "../src/outbox.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function createSends() {
  const sent: string[] = [];
  return { sent, publish: (name: string) => (): void => void sent.push(name) };
}

it("sends what comes in one turn of the event loop together, in its order", () => {
  const outbox = createOutbox();
  const { sent, publish } = createSends();
  for (const name of ["a", "b", "c"]) outbox.send(publish(name));
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(0);
  expect(sent).toEqual(["a", "b", "c"]);
});

it("sends the first of a silence at once, and lets what follows wait for a moment", () => {
  const outbox = createOutbox();
  const { sent, publish } = createSends();
  outbox.join(publish("a"));
  vi.advanceTimersByTime(0);
  for (const name of ["b", "c"]) outbox.join(publish(name));
  vi.advanceTimersByTime(1);
  expect(sent).toEqual(["a"]);
  vi.advanceTimersByTime(10);
  expect(sent).toEqual(["a", "b", "c"]);
  outbox.join(publish("d"));
  vi.advanceTimersByTime(10);
  expect(sent).toEqual(["a", "b", "c", "d"]);
});

it("wakes the process up for nothing: who waits makes the timer", () => {
  const outbox = createOutbox();
  const { sent, publish } = createSends();
  outbox.join(publish("a"));
  vi.advanceTimersByTime(0);
  expect(sent).toEqual(["a"]);
  expect(vi.getTimerCount()).toBe(0);
  outbox.join(publish("b"));
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(10);
  expect(vi.getTimerCount()).toBe(0);
});

it("keeps the order: what waits for nothing takes along what waits", () => {
  const outbox = createOutbox();
  const { sent, publish } = createSends();
  outbox.join(publish("a"));
  outbox.join(publish("b"));
  outbox.send(publish("now"));
  vi.advanceTimersByTime(0);
  expect(sent).toEqual(["a", "b", "now"]);
  vi.advanceTimersByTime(10);
  outbox.join(publish("c"));
  vi.advanceTimersByTime(0);
  expect(sent).toEqual(["a", "b", "now", "c"]);
});

it("sends what waits when it is closed, and nothing twice", () => {
  const outbox = createOutbox();
  const { sent, publish } = createSends();
  outbox.join(publish("a"));
  outbox.join(publish("b"));
  outbox.close();
  expect(sent).toEqual(["a", "b"]);
  vi.advanceTimersByTime(10);
  expect(sent).toEqual(["a", "b"]);
});

it("holds nothing back once it is closed", () => {
  const outbox = createOutbox();
  const { sent, publish } = createSends();
  outbox.join(publish("a"));
  outbox.close();
  outbox.join(publish("b"));
  outbox.join(publish("c"));
  outbox.send(publish("d"));
  expect(sent).toEqual(["a", "b", "c", "d"]);
});
