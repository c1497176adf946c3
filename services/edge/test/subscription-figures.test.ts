import { expect, it } from "vitest";
import { createSubscriptionFigures } from "../src/figures/subscription-figures.ts";

it("counts a subscription once that the edge begins anew", () => {
  const { subscribed, counts, reconnections } = createSubscriptionFigures();
  const viewer = { asksAfter: 7, outlet: { hasSubscribed: false } };
  subscribed(viewer, "replay", () => 0);
  subscribed(viewer, "snapshot", () => 0);
  expect(counts.resumed).toEqual({ live: 0, replay: 1, snapshot: 0 });
  expect(reconnections).toEqual({ live: 0, replay: 1, snapshot: 0 });
});
