import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseYaml, StartError } from "@parley/runtime";
import { z } from "zod";
import { parseRule } from "../agents/rule.ts";

/** The warning for a message; undefined: it needs none. */
export type Warn = (message: string) => string | undefined;

/** By the names under which agents name them. */
export type SafetyLists = ReadonlyMap<string, Warn>;

const shipped = fileURLToPath(new URL("../../../../config/safety.yaml", import.meta.url));

/** Looked at of a message. A longer one has its danger at its beginning, or is no cry for help. */
const lookedAtChars = 8_000;

const Pattern = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(300)
  .transform((text, context) => {
    try {
      return parseRule(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "it cannot be read";
      context.addIssue({ code: "custom", message: `is no valid pattern: ${reason}` });
      return z.NEVER;
    }
  });

const Danger = z.strictObject({
  warning: z.string().trim().min(1, "must not be empty").max(1_000),
  words: z.array(Pattern).min(1).max(200),
  unless: z.array(Pattern).max(50).default([]),
});

const SafetyFile = z.strictObject({
  lists: z.record(
    z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, "must be 1 to 64 lower-case letters, digits or '-'"),
    z.array(Danger).min(1).max(100),
  ),
});

/** Reads lists of safety words. Throws one StartError with all mistakes, each with file and line. */
export function parseSafetyLists(file: string, text: string): SafetyLists {
  const parsed = parseYaml({ file, text }, SafetyFile);
  if (!parsed.ok)
    throw new StartError(
      ["The safety words cannot be used:", ...parsed.problems.map((one) => `  - ${one}`)].join("\n"),
    );
  return new Map(Object.entries(parsed.value.lists).map(([name, dangers]) => [name, createWarn(dangers)]));
}

/** Those of the file that is named, or of the shipped one if it is there. */
export async function loadSafetyLists(named: string | undefined): Promise<SafetyLists> {
  const file = named ?? shipped;
  if (named === undefined && !existsSync(file)) return new Map();
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the safety words, ${file}, cannot be read.`, { cause });
  });
  return parseSafetyLists(file, text);
}

/** The first danger that fits: a list is in the order of what is worst. */
function createWarn(dangers: readonly z.output<typeof Danger>[]): Warn {
  return (message) => {
    const text = message.slice(0, lookedAtChars);
    const fits = (patterns: readonly RegExp[]): boolean => patterns.some((pattern) => pattern.test(text));
    return dangers.find(({ words, unless }) => fits(words) && !fits(unless))?.warning;
  };
}
