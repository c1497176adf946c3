import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import type { MemberKind } from "./faults/fault.ts";
import type { PromiseId } from "./promise.ts";
import type { Scenario } from "./scenario.ts";
import { runScenario } from "./scenario-run.ts";
import { agentsFrozen } from "./scenarios/agents.ts";
import { calm } from "./scenarios/clients.ts";
import { copiesLate, copiesOvertaken, endsOvertaken } from "./scenarios/copies.ts";

const plant = pathToFileURL(path.join(import.meta.dirname, "planted/plant.mjs")).href;

/** The scenario with a fault in the build of one kind of process. */
function withFault(scenario: Scenario, member: MemberKind, fault: string): Scenario {
  const { shape } = scenario;
  const planted = { NODE_OPTIONS: `--import=${plant}`, PARLEY_PLANTED_FAULT: fault };
  const env = { ...shape.env, [member]: { ...shape.env[member], ...planted } };
  return { ...scenario, shape: { ...shape, env } };
}

async function brokenPromises(scenario: Scenario): Promise<ReadonlySet<PromiseId>> {
  const { signal } = new AbortController();
  const { violations } = await runScenario(scenario, { seed: 1, turns: 30, signal, onProgress() {} });
  return new Set(violations.map(({ promise }) => promise));
}

const timeout = 120_000;

it("catches an edge that drops an event", { timeout }, async () => {
  expect(await brokenPromises(withFault(calm, "edge", "edge drops events"))).toContain("P2");
});

it("catches an agent worker that appends without expectation", { timeout }, async () => {
  expect(await brokenPromises(withFault(agentsFrozen, "agent", "agent appends without expectation"))).toContain("P3");
});

it("catches a tool that runs twice", { timeout }, async () => {
  expect(await brokenPromises(withFault(calm, "tool", "tool runs twice"))).toContain("P5");
});

it("catches an edge that drops late events", { timeout }, async () => {
  expect(await brokenPromises(withFault(endsOvertaken, "edge", "edge drops late events"))).toContain("P1");
});

it("catches an edge whose snapshots are ahead of their place", { timeout }, async () => {
  const fault = "edge does not look where the stream ends";
  expect(await brokenPromises(withFault(copiesLate, "edge", fault))).toContain("P2");
});

it("catches an edge that believes every cursor", { timeout }, async () => {
  expect(await brokenPromises(withFault(copiesOvertaken, "edge", "edge believes every cursor"))).toContain("P2");
});
