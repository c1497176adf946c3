import { expect, it } from "vitest";
import { readOptions } from "./options.ts";
import { runScenario } from "./scenario-run.ts";

const { chosen, turns } = readOptions(["--quick"]);

it.each(chosen.map(({ name }) => name))("keeps every promise in %s", { timeout: 90_000 }, async (name) => {
  const scenario = chosen.find((candidate) => candidate.name === name);
  if (scenario === undefined) throw new Error(name);
  const { signal } = new AbortController();
  const seed = 1;
  const { violations, doubt } = await runScenario(scenario, { seed, turns, signal, onProgress() {} });
  expect({ violations, doubt }).toEqual({ violations: [], doubt: undefined });
});
