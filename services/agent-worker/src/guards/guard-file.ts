import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseYaml, StartError } from "@parley/runtime";
import { z } from "zod";
import { parseRule } from "../agents/rule.ts";

const line = (maxChars: number) => z.string().trim().min(1, "must not be empty").max(maxChars);

const Rule = line(500).transform((text, context) => {
  try {
    return parseRule(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "it cannot be read";
    context.addIssue({ code: "custom", message: `is no valid pattern: ${reason}` });
    return z.NEVER;
  }
});

/** One guard of `guards.yaml`: what it looks for, where, and what is told whom it stops. */
const GuardRule = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, "must be 1 to 64 lower-case letters, digits or '-'"),
  /** What the user writes, what the model says. */
  applies_to: z
    .array(z.enum(["input", "output"]))
    .min(1)
    .default(["input", "output"]),
  /** A word or phrase, or `/pattern/` with the flags i m s u. */
  rules: z.array(Rule).max(200).default([]),
  /** Of the output: to which hosts addresses in it may lead. Absent: to any. */
  links: z
    .array(z.string().regex(/^[a-z0-9.-]{1,253}$/, "must be a host in lower case"))
    .max(200)
    .optional(),
  /** The provider's `/moderations`. */
  endpoint: z.strictObject({ model: line(128).optional() }).optional(),
  /** What holds while the endpoint does not answer: all passes, or nothing. */
  on_failure: z.enum(["open", "closed"]).default("closed"),
  timeout_ms: z.number().int().min(100).max(30_000).default(3_000),
  /** The endpoint is asked after so many characters of an answer; twice as many at most are shown unchecked. */
  every_chars: z.number().int().min(50).max(10_000).default(400),
  sentence: line(300).default("This was stopped by a rule of this service."),
});
export type GuardRule = z.output<typeof GuardRule>;

const GuardsFile = z.strictObject({ guards: z.array(GuardRule).max(100) });

const shipped = fileURLToPath(new URL("../../../../config/guards.yaml", import.meta.url));

/** The guards that agents may name; of the shipped file, if no other is named and it is there. Throws a StartError that names every problem with file and line. */
export async function loadGuards(named?: string): Promise<GuardRule[]> {
  const file = named ?? shipped;
  if (named === undefined && !existsSync(file)) return [];
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new StartError(`The file of the guards, ${file}, cannot be read.`, { cause });
  });
  const parsed = parseYaml({ file, text }, GuardsFile);
  if (parsed.ok) return parsed.value.guards;
  throw new StartError(
    ["The guards cannot be used:", ...parsed.problems.map((problem) => `  - ${problem}`)].join("\n"),
  );
}
