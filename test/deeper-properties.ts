import real, { type IAsyncProperty, type IProperty, type Parameters } from "fast-check";

// Stands for fast-check where `PARLEY_PROPERTY_RUNS` is set (vitest.config.ts): every property is tried that many times as
// often as its test says. The usual number is enough for each run of the tests; CI and who looks for a rare case want more.

const usualRuns = 100;

type Check = IProperty<unknown> | IAsyncProperty<unknown>;

function assertDeeper(property: Check, settings: Parameters<unknown> = {}): Promise<void> | void {
  const factor = Number(process.env["PARLEY_PROPERTY_RUNS"]);
  return real.assert(property, { ...settings, numRuns: Math.round((settings.numRuns ?? usualRuns) * factor) });
}

export default { ...real, assert: assertDeeper };
