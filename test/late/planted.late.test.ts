import { expect, it } from "vitest";
import { brokenPromises, withFault } from "../chaos/planted/with-fault.ts";
import { copiesLate, copiesOvertaken, endsOvertaken } from "../chaos/scenarios/copies.ts";

const timeout = 180_000;

it("catches an edge that drops late events", { timeout }, async () => {
  expect(await brokenPromises(withFault(endsOvertaken, "edge", "edge drops late events"))).toContain("P1");
});

it("catches an edge whose snapshots are ahead of their place", { timeout }, async () => {
  const fault = "edge does not look where the stream ends";
  expect(await brokenPromises(withFault(copiesLate, "edge", fault))).toContain("P2");
});

it("catches an edge that believes every cursor", { timeout }, async () => {
  expect(await brokenPromises(withFault(copiesOvertaken, "edge", "edge believes every cursor"), 60)).toContain("P2");
});
