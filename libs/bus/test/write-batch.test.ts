import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createWriteBatch } from "../src/write-batch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function createSends() {
  const sent: string[] = [];
  return { sent, send: (name: string) => (): void => void sent.push(name) };
}

it("sends the first of a silence at once, and what follows together", () => {
  const batch = createWriteBatch();
  const { sent, send } = createSends();
  for (const name of ["a", "b", "c"]) batch.join(send(name));
  expect(sent).toEqual(["a"]);
  vi.advanceTimersByTime(10);
  expect(sent).toEqual(["a", "b", "c"]);
  batch.join(send("d"));
  vi.advanceTimersByTime(10);
  expect(sent).toEqual(["a", "b", "c", "d"]);
});

it("keeps the order: what waits for nothing takes along what waits", () => {
  const batch = createWriteBatch();
  const { sent, send } = createSends();
  batch.join(send("a"));
  batch.join(send("b"));
  batch.sendNow(send("now"));
  expect(sent).toEqual(["a", "b", "now"]);
  vi.advanceTimersByTime(10);
  expect(sent).toEqual(["a", "b", "now"]);
  batch.join(send("c"));
  expect(sent).toEqual(["a", "b", "now", "c"]);
});

it("sends nothing that waits once it is closed", () => {
  const batch = createWriteBatch();
  const { sent, send } = createSends();
  batch.join(send("a"));
  batch.join(send("b"));
  batch.close();
  vi.advanceTimersByTime(10);
  expect(sent).toEqual(["a"]);
});
