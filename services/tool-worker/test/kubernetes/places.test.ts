import { expect, it } from "vitest";
import { createPlaces, NoPlaceError } from "../../src/kubernetes/places.ts";

/** Work that ends when it is told to. */
function work() {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  let isBegun = false;
  return {
    isBegun: () => isBegun,
    end,
    run: async (): Promise<string> => {
      isBegun = true;
      await ended;
      return "done";
    },
  };
}

const never = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("so many run at a time, and the others in their order", async () => {
  const places = createPlaces(2, 10);
  const [a, b, c, d] = [work(), work(), work(), work()];
  const all = [a, b, c, d].map((one) => places.run(one.run, never));
  await turn();
  expect([a, b, c, d].map(({ isBegun }) => isBegun())).toEqual([true, true, false, false]);
  expect([places.running(), places.waiting()]).toEqual([2, 2]);
  b.end();
  await turn();
  expect([c, d].map(({ isBegun }) => isBegun())).toEqual([true, false]);
  for (const one of [a, c, d]) one.end();
  expect(await Promise.all(all)).toEqual(["done", "done", "done", "done"]);
  expect([places.running(), places.waiting()]).toEqual([0, 0]);
});

it("where too many wait already nobody waits", async () => {
  const places = createPlaces(1, 1);
  const [a, b] = [work(), work()];
  const both = [places.run(a.run, never), places.run(b.run, never)];
  await expect(places.run(work().run, never)).rejects.toThrow(NoPlaceError);
  a.end();
  b.end();
  await Promise.all(both);
});

it("whoever is stopped leaves the queue, and takes nobody's place", async () => {
  const places = createPlaces(1, 10);
  const [a, b, c] = [work(), work(), work()];
  const stopper = new AbortController();
  const first = places.run(a.run, never);
  const stopped = places.run(b.run, stopper.signal);
  const last = places.run(c.run, never);
  stopper.abort(new Error("stopped"));
  await expect(stopped).rejects.toThrow("stopped");
  expect(places.waiting()).toBe(1);
  a.end();
  await first;
  c.end();
  await last;
  expect(b.isBegun()).toBe(false);
  expect([places.running(), places.waiting()]).toEqual([0, 0]);
});

it("work that fails leaves its place", async () => {
  const places = createPlaces(1, 10);
  await expect(places.run(() => Promise.reject(new Error("no")), never)).rejects.toThrow("no");
  expect(await places.run(() => Promise.resolve(1), never)).toBe(1);
});

it("whoever is stopped already does not begin", async () => {
  const one = work();
  await expect(createPlaces(1, 1).run(one.run, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
  expect(one.isBegun()).toBe(false);
});
