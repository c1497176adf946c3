import real, { type IAsyncProperty, type IProperty, type Parameters } from "fast-check";

// Stands for fast-check where `PARLEY_PROPERTY_RUNS` is set (vitest.config.ts): every property is tried that many times as
// often as it says itself. On each run of the tests the usual number is enough; CI and who looks for a rare case want more.

const factor = Number(process.env["PARLEY_PROPERTY_RUNS"]);
const usualRuns = 100;

type Check = IProperty<unknown> | IAsyncProperty<unknown>;

function assertDeeper(property: Check, settings: Parameters<unknown> = {}): Promise<void> | void {
  const numRuns = Math.round((settings.numRuns ?? usualRuns) * factor);
  return real.assert(property, { ...settings, numRuns });
}

export default { ...real, assert: assertDeeper };
