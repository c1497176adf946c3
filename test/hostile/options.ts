import { parseArgs } from "node:util";
import { kinds, type Kind } from "./fuzz/kinds.ts";

export interface FuzzCommand {
  readonly seed: number;
  readonly seconds: number;
  readonly kinds: readonly Kind[];
  readonly at: number | undefined;
}

const defaultSeconds = 60;

function wholeNumber(text: string, name: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} must be a whole number from 0.`);
  return value;
}

function choose(only: string | undefined): readonly Kind[] {
  if (only === undefined) return kinds;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !kinds.some((kind) => kind === name));
  if (unknown.length > 0)
    throw new Error(`There is no kind ${unknown.join(", ")}. The kinds are: ${kinds.join(", ")}.`);
  return kinds.filter((kind) => names.includes(kind));
}

/** Throws an Error with one sentence when the arguments make no sense. */
export function readOptions(args: readonly string[]): FuzzCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      input: { type: "string" },
    },
  });
  return {
    seed: values.seed === undefined ? newSeed() : wholeNumber(values.seed, "seed"),
    seconds: values.seconds === undefined ? defaultSeconds : wholeNumber(values.seconds, "seconds"),
    kinds: choose(values.only),
    at: values.input === undefined ? undefined : wholeNumber(values.input, "input"),
  };
}

export function newSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
