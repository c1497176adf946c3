import { expect, test } from "vitest";
import { createPacer } from "../src/pacer.ts";

test("runs tasks when they are due, the earlier first", async () => {
  using pacer = createPacer();
  const ran: string[] = [];
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    pacer.after(60, () => {
      ran.push("later");
      resolve();
    });
    pacer.after(20, () => ran.push("sooner"));
  });
  expect(ran).toEqual(["sooner", "later"]);
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(60);
});

test("does not run what was taken off", async () => {
  using pacer = createPacer();
  const ran: string[] = [];
  pacer.after(10, () => ran.push("cancelled"))();
  await new Promise<void>((resolve) => void pacer.after(30, resolve));
  expect(ran).toEqual([]);
});

test("lets the event loop turn between many tasks that are due at once", async () => {
  using pacer = createPacer();
  let ran = 0;
  const seen: number[] = [];
  const watch = setInterval(() => seen.push(ran), 1);
  await new Promise<void>((resolve) => {
    for (let index = 0; index < 1_000; index += 1) {
      pacer.after(10, () => {
        busyFor(0.1);
        ran += 1;
        if (ran === 1_000) resolve();
      });
    }
  });
  clearInterval(watch);
  expect(seen.filter((count) => count > 0 && count < 1_000).length).toBeGreaterThan(3);
});

test("finds everything that is due after the process was away for longer than a turn of the wheel", async () => {
  let nowMs = 0;
  using pacer = createPacer(() => nowMs);
  const all = new Promise<void>((resolve) => {
    let left = 3;
    const done = () => {
      left -= 1;
      if (left === 0) resolve();
    };
    for (const delayMs of [5, 4_000, 9_000]) pacer.after(delayMs, done);
  });
  nowMs = 60_000;
  await all;
});

function busyFor(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}
