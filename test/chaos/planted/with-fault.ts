import path from "node:path";
import { pathToFileURL } from "node:url";
import type { MemberKind } from "../faults/fault.ts";
import type { PromiseId } from "../promise.ts";
import type { Scenario } from "../scenario.ts";
import { runScenario } from "../scenario-run.ts";

const plant = pathToFileURL(path.join(import.meta.dirname, "plant.mjs")).href;

/** The scenario with a fault in the build of one kind of process. */
export function withFault(scenario: Scenario, member: MemberKind, fault: string): Scenario {
  const { shape } = scenario;
  const planted = { NODE_OPTIONS: `--import=${plant}`, PARLEY_PLANTED_FAULT: fault };
  const env = { ...shape.env, [member]: { ...shape.env[member], ...planted } };
  return { ...scenario, shape: { ...shape, env } };
}

/** A fault that shows only where several things meet needs more turns. */
export async function brokenPromises(scenario: Scenario, turns = 30): Promise<ReadonlySet<PromiseId>> {
  const { signal } = new AbortController();
  const { violations } = await runScenario(scenario, { seed: 1, turns, signal, onProgress() {} });
  return new Set(violations.map(({ promise }) => promise));
}
