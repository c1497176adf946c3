// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import type { Offers } from "../../src/api/answers.ts";
import { createOffersStore } from "../../src/chat/offers.ts";

const offersOf = (name: string): Offers => ({
  agents: [{ name, description: "…" }],
  models: [],
  simulated: { model: false, cluster: false },
});
const minuteMs = 60_000;
const comeBack = (): boolean => document.dispatchEvent(new Event("visibilitychange"));

test("are asked for once for all that shows them", async () => {
  const agents = vi.fn(async () => offersOf("one"));
  const store = createOffersStore({ agents });
  const stops = [store.subscribe(() => undefined), store.subscribe(() => undefined)];
  await vi.waitFor(() => expect(store.read()).toEqual(offersOf("one")));
  expect(agents).toHaveBeenCalledOnce();
  for (const stop of stops) stop();
});

test("are asked for again when somebody comes back after ten minutes, and not before", async () => {
  let nowMs = 0;
  let name = "one";
  const store = createOffersStore({ agents: async () => offersOf(name) }, () => nowMs);
  const stop = store.subscribe(() => undefined);
  await vi.waitFor(() => expect(store.read()).toEqual(offersOf("one")));
  name = "two";
  nowMs = 9 * minuteMs;
  comeBack();
  nowMs = 10 * minuteMs;
  expect(store.read()).toEqual(offersOf("one"));
  comeBack();
  await vi.waitFor(() => expect(store.read()).toEqual(offersOf("two")));
  stop();
});

test("that could not be asked for are asked for by whoever needs them next, and what was known stays", async () => {
  let nowMs = 0;
  const agents = vi.fn<() => Promise<Offers>>().mockResolvedValueOnce(offersOf("one"));
  const store = createOffersStore({ agents }, () => nowMs);
  const stop = store.subscribe(() => undefined);
  await vi.waitFor(() => expect(store.read()).toBeDefined());
  nowMs = 11 * minuteMs;
  agents.mockRejectedValueOnce(new Error("away"));
  comeBack();
  await vi.waitFor(() => expect(agents).toHaveBeenCalledTimes(2));
  expect(store.read()).toEqual(offersOf("one"));
  agents.mockResolvedValueOnce(offersOf("two"));
  await vi.waitFor(() => {
    comeBack();
    expect(store.read()).toEqual(offersOf("two"));
  });
  stop();
});
