import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
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

/**
 * The checker must find the promise broken in one of at most three runs, each with another seed and more turns than the one before: whether a
 * fault shows in one run is chance (a zombie must have been in the middle of an answer).
 */
export async function expectCaught(scenario: Scenario, promise: PromiseId, turns = 30): Promise<void> {
  const { signal } = new AbortController();
  const broken = new Set<PromiseId>();
  for (let seed = 1; seed <= 3 && !broken.has(promise); seed++) {
    const { violations } = await runScenario(scenario, { seed, turns: turns * seed, signal, onProgress() {} });
    for (const violation of violations) broken.add(violation.promise);
  }
  expect([...broken]).toContain(promise);
}
