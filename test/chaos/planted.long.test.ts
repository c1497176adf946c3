import { expect, it } from "vitest";
import { brokenPromises, withFault } from "./planted/with-fault.ts";
import { agentsFrozen } from "./scenarios/agents.ts";
import { eventsForgotten } from "./scenarios/brokers.ts";
import { calm, manyDevices } from "./scenarios/clients.ts";
import { waits } from "./scenarios/waits.ts";

const timeout = 120_000;

it("catches an edge that drops an event", { timeout }, async () => {
  expect(await brokenPromises(withFault(calm, "edge", "edge drops events"))).toContain("P2");
});

it("catches an edge whose snapshots say all, in another order", { timeout }, async () => {
  // Most devices join in the middle of an answer that has called a tool.
  const prompts = { "read tool": 1, "two tools": 1 };
  const joining = { ...manyDevices, workload: { ...manyDevices.workload, prompts } };
  expect(await brokenPromises(withFault(joining, "edge", "edge puts calls behind the text"))).toContain("P2");
});

it("catches an agent worker that appends without expectation", { timeout }, async () => {
  expect(await brokenPromises(withFault(agentsFrozen, "agent", "agent appends without expectation"))).toContain("P3");
});

it("catches a tool that runs twice also where all events are forgotten", { timeout }, async () => {
  expect(await brokenPromises(withFault(eventsForgotten, "tool", "tool runs twice"))).toContain("P5");
});

it("catches a tool that runs without a person's word", { timeout }, async () => {
  expect(await brokenPromises(withFault(waits, "tool", "tool worker asks nobody"))).toContain("P11");
});

it("catches an edge that takes the word of strangers", { timeout }, async () => {
  expect(await brokenPromises(withFault(waits, "edge", "edge lets strangers decide"))).toContain("P11");
});

it("catches an edge that tells another decision than the one that counts", { timeout }, async () => {
  expect(await brokenPromises(withFault(waits, "edge", "edge tells the wrong decision"))).toContain("P11");
});

it("catches agent workers that nobody's decision brings back", { timeout }, async () => {
  expect(await brokenPromises(withFault(waits, "agent", "agent wakes nobody"))).toContain("P11");
});

it("catches a tool that runs twice", { timeout }, async () => {
  expect(await brokenPromises(withFault(calm, "tool", "tool runs twice"))).toContain("P5");
});
