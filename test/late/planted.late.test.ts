import { it } from "vitest";
import { expectCaught, withFault } from "../chaos/planted/with-fault.ts";
import { copiesLate, copiesOvertaken, endsOvertaken } from "../chaos/scenarios/copies.ts";

const timeout = 360_000;

it("catches an edge that drops late events", { timeout }, async () => {
  await expectCaught(withFault(endsOvertaken, "edge", "edge drops late events"), "P1");
});

it("catches an edge whose snapshots are ahead of their place", { timeout }, async () => {
  const fault = "edge does not look where the stream ends";
  await expectCaught(withFault(copiesLate, "edge", fault), "P2");
});

it("catches an edge that believes every cursor", { timeout }, async () => {
  await expectCaught(withFault(copiesOvertaken, "edge", "edge believes every cursor"), "P2", 60);
});
