import { expect, test } from "vitest";
import { createReadingPlaces } from "../../src/chat/places.ts";

test("the place in each conversation is kept until somebody leaves from its end", () => {
  const places = createReadingPlaces();
  places.keep("c1", { key: "m5", offsetPx: 12 });
  places.keep("c2", { key: "m9", offsetPx: 0 });
  expect(places.of("c1")).toEqual({ key: "m5", offsetPx: 12 });
  places.keep("c1", undefined);
  expect(places.of("c1")).toBeUndefined();
  expect(places.of("c2")).toEqual({ key: "m9", offsetPx: 0 });
});

test("a hundred conversations keep theirs", () => {
  const places = createReadingPlaces();
  for (let index = 0; index <= 100; index++) places.keep(`c${index}`, { key: "m", offsetPx: 0 });
  expect(places.of("c0")).toBeUndefined();
  expect(places.of("c100")).toBeDefined();
});
