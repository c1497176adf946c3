import { parseArgs } from "node:util";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/index.ts";

export interface ChaosOptions {
  readonly seed: number;
  /** Of each scenario. */
  readonly turns: number;
  readonly chosen: readonly Scenario[];
}

/** What `npm test` runs: each kind of process dies once, in under a minute. */
const quickNames: ReadonlySet<string> = new Set(["agents-killed", "edges-killed"]);
const quickTurns = 40;

function wholeNumber(text: string | undefined, name: string, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1.`);
  return value;
}

function choose(only: string | undefined, quick: boolean): readonly Scenario[] {
  const names = only?.split(",").map((name) => name.trim()) ?? [];
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    const known = scenarios.map(({ name }) => name).join(", ");
    throw new Error(`There is no scenario ${unknown.join(", ")}. The scenarios are: ${known}.`);
  }
  return scenarios.filter(({ name }) => (names.length > 0 ? names.includes(name) : !quick || quickNames.has(name)));
}

/** Throws an Error with one sentence when the arguments make no sense. */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      turns: { type: "string" },
      seed: { type: "string" },
      only: { type: "string" },
      quick: { type: "boolean", default: false },
    },
  });
  return {
    seed: wholeNumber(values.seed, "seed", Math.floor(Math.random() * 1_000_000) + 1),
    turns: wholeNumber(values.turns, "turns", values.quick ? quickTurns : 200),
    chosen: choose(values.only, values.quick),
  };
}
