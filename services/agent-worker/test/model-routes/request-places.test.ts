import { ChatError } from "@parley/protocol";
import { expect, test } from "vitest";
import { createRequestPlaces, type PlacesOptions } from "../../src/model-routes/request-places.ts";

const party = (user: string) => ({ user, tenant: undefined });
const never = new AbortController().signal;

function placesOf(options: Partial<PlacesOptions> = {}) {
  const places = createRequestPlaces({ concurrent: 1, queued: 10, queueMs: 5_000, ...options });
  const order: string[] = [];
  const releases: (() => void)[] = [];
  const enter = (user: string, signal: AbortSignal = never): Promise<void> =>
    places.acquire(party(user), signal).then((release) => {
      order.push(user);
      releases.push(release);
    });
  return { places, order, releases, enter };
}

test("so many are open at a time, and each that ends makes place for one", async () => {
  const { places, order, releases, enter } = placesOf({ concurrent: 2 });
  const all = Promise.all(["a", "b", "c"].map((user) => enter(user)));
  await Promise.resolve();
  expect([places.open(), places.waiting(), places.hasFree()]).toEqual([2, 1, false]);
  await expect.poll(() => releases.length).toBe(2);
  releases[0]?.();
  releases[0]?.();
  await all;
  expect([order, places.open(), places.waiting()]).toEqual([["a", "b", "c"], 2, 0]);
});

test("whoever comes while one user has all places gets the next one that is free", async () => {
  const { order, releases, enter } = placesOf();
  const all = ["flood", "flood", "flood", "new"].map((user) => enter(user));
  for (let i = 0; i < all.length; i++) {
    await expect.poll(() => releases.length).toBe(i + 1);
    releases[i]?.();
  }
  await Promise.all(all);
  expect(order).toEqual(["flood", "new", "flood", "flood"]);
});

test("who waits too long is told when to come again, and holds no place afterwards", async () => {
  const { places, releases, enter } = placesOf({ queueMs: 30 });
  await enter("a");
  const error = await enter("b").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE", retryAfterMs: 30 });
  expect(error).toBeInstanceOf(ChatError);
  releases[0]?.();
  expect([places.open(), places.waiting()]).toEqual([0, 0]);
});

test("a full queue refuses at once", async () => {
  const { enter, releases } = placesOf({ queued: 1 });
  await enter("a");
  const waiting = enter("b");
  await expect(enter("c")).rejects.toMatchObject({ code: "MODEL_UNAVAILABLE", retryAfterMs: 5_000 });
  releases[0]?.();
  await waiting;
});

test("who gives up while waiting is gone at once", async () => {
  const waited: number[] = [];
  const { places, enter } = placesOf({ onWaited: (ms) => void waited.push(ms) });
  await enter("a");
  const stop = new AbortController();
  const waiting = enter("b", stop.signal);
  stop.abort(new Error("cancelled"));
  await expect(waiting).rejects.toThrow("cancelled");
  expect([places.waiting(), waited.length]).toEqual([0, 1]);
  await expect(enter("c", stop.signal)).rejects.toThrow("cancelled");
});
