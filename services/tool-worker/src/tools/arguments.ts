import { issueWords, type ToolArguments } from "@parley/protocol";
import { z } from "zod";

interface ArgumentReader<Input extends z.ZodObject> {
  readonly schema: Input;
  /** JSON Schema of `schema`. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly aliases: Readonly<Record<string, string>>;
}

type ReadArguments<Input extends z.ZodObject> = { input: z.output<Input> } | { problem: string };

/**
 * Reads what a model sent. Small models often send numbers and switches as text and `null` for what they leave out, so that is
 * understood; whatever else does not fit is a sentence that lets the model correct itself.
 */
export function readArguments<Input extends z.ZodObject>(
  args: ToolArguments,
  { schema, parameters, aliases }: ArgumentReader<Input>,
): ReadArguments<Input> {
  const types = typesOf(parameters);
  const values: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(args)) {
    const name = Object.hasOwn(aliases, given) ? aliases[given] : given;
    if (name === undefined || name === "" || value === null) continue;
    // A proper name wins over an alias beside it.
    if (name === given || !Object.hasOwn(args, name)) values[name] = withType(value, types.get(name));
  }
  const parsed = schema.safeParse(values);
  return parsed.success ? { input: parsed.data } : { problem: toSentences(parsed.error) };
}

const Properties = z.object({ properties: z.record(z.string(), z.looseObject({ type: z.unknown() })).default({}) });

function typesOf(parameters: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  const { properties } = Properties.parse(parameters);
  return new Map(Object.entries(properties).map(([name, property]) => [name, property.type]));
}

function withType(value: unknown, type: unknown): unknown {
  if (typeof value !== "string") return value;
  const text = value.trim().toLowerCase();
  if ((type === "integer" || type === "number") && text !== "" && Number.isFinite(Number(text))) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return value;
}

const MAX_PROBLEMS = 5;

function toSentences(error: z.ZodError): string {
  const problems = error.issues.slice(0, MAX_PROBLEMS).map((issue) => {
    const path = issue.path.join(".");
    return path === "" ? issueWords(issue) : `${path} ${issueWords(issue)}`;
  });
  return `${problems.join("; ")}.`;
}
