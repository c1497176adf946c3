import { z } from "zod";

/** The names and texts a process was started with. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem of a configuration at once, as sentences for the person who starts the process. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super([`The configuration has ${count}:`, ...problems.map((problem) => `  - ${problem}`)].join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Reads a typed, frozen configuration. The keys of the schema are the names of the variables; a variable that is set to
 * the empty string counts as not set, because that is how compose files and shells pass "nothing".
 * Throws a `ConfigError` that lists every problem. Rules over several fields (`.refine`) run once each field is valid.
 */
export function readConfig<Schema extends z.ZodObject>(schema: Schema, env: Environment): Readonly<z.output<Schema>> {
  const values: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = env[name];
    if (value !== undefined && value !== "") values[name] = value;
  }
  const result = schema.safeParse(values);
  if (result.success) return Object.freeze(result.data);
  const problems = result.error.issues.map((issue) => toProblem(issue, schema, values));
  throw new ConfigError([...new Set(problems)]);
}

function toProblem(issue: z.core.$ZodIssue, schema: z.ZodObject, values: Environment): string {
  const name = issue.path[0];
  if (typeof name !== "string") return sentence(issue.message);
  const field: unknown = schema.shape[name];
  const { description, secret } = readMeta(field);
  const about = description === undefined ? "" : ` It is: ${sentence(description)}`;
  const value = values[name];
  if (value === undefined && issue.code !== "custom") return `${name} is not set, but it is needed.${about}`;
  // A message that somebody wrote for a refinement could quote the value.
  const quotesSecret = secret && value !== undefined && issue.message.includes(value);
  return `${name} ${quotesSecret ? "has a value that cannot be used." : wording(issue.message)}${about}`;
}

/** Our own messages continue the name ("must be …"); those of zod stand alone ("Invalid option: …"). */
function wording(message: string): string {
  return sentence(/^[a-z]/.test(message) ? message : `cannot be used: ${message}`);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

type FieldMeta = { description?: string | undefined; secret: boolean };

/** What `.describe()` and `secret()` said, also when `.default()` or `.optional()` was put around it afterwards. */
function readMeta(field: unknown): FieldMeta {
  if (!(field instanceof z.ZodType)) return { secret: false };
  const meta = field.meta();
  const wraps = field instanceof z.ZodDefault || field instanceof z.ZodOptional;
  const inner = wraps ? readMeta(field.unwrap()) : { secret: false, description: undefined };
  return { description: meta?.description ?? inner.description, secret: meta?.["secret"] === true || inner.secret };
}
