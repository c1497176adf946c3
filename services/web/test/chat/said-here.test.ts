import { expect, test } from "vitest";
import { createSaidStore } from "../../src/chat/said-here.ts";

test("what was said last counts, also that it was taken back", () => {
  const store = createSaidStore();
  expect(store.of("m1")).toBeUndefined();
  store.keep("m1", { rating: "up" });
  expect(store.of("m1")).toEqual({ said: { rating: "up" } });
  store.keep("m1", undefined);
  expect(store.of("m1")).toEqual({ said: undefined });
});

test("a refusal brings back what was there before", () => {
  const store = createSaidStore();
  store.keep("m1", { rating: "up" });
  store.restore("m1", undefined);
  expect(store.of("m1")).toBeUndefined();
  const before = store.keep("m1", { rating: "down" });
  store.keep("m1", { rating: "up" });
  store.restore("m1", before);
  expect(store.of("m1")).toEqual({ said: { rating: "down" } });
});

test("no more than five hundred are kept", () => {
  const store = createSaidStore();
  for (let index = 0; index <= 500; index++) store.keep(`m${index}`, { rating: "up" });
  expect(store.of("m0")).toBeUndefined();
  expect(store.of("m500")).toBeDefined();
});
