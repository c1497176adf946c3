import { ConfigError, readConfig, type Environment } from "@parley/runtime";
import { fieldsOf, shown } from "./field.ts";
import { services } from "./services.ts";

export interface Report {
  readonly lines: readonly string[];
  readonly hasProblem: boolean;
}

const mask = "********";

function schemaOf(service: string) {
  const schema = services.get(service);
  if (schema === undefined) throw new Error(`There is no service "${service}": there are ${known()}.`);
  return schema;
}

function known(): string {
  return [...services.keys(), "all"].join(", ");
}

/** The services a person named; all by default. Throws an Error with one sentence for an unknown name. */
export function chosenServices(name = "all"): string[] {
  if (name === "all") return [...services.keys()];
  schemaOf(name);
  return [name];
}

/** Every problem of the environment, service by service. */
export function checkReport(names: readonly string[], env: Environment): Report {
  const results = names.map((name) => ({ name, problems: problemsOf(name, env) }));
  const lines = results.flatMap(({ name, problems }) =>
    problems.length === 0 ? [`${name}: valid`] : [`${name}:`, ...problems.map((problem) => `  - ${problem}`)],
  );
  return { lines, hasProblem: results.some(({ problems }) => problems.length > 0) };
}

function problemsOf(name: string, env: Environment): readonly string[] {
  try {
    readConfig(schemaOf(name), env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Names of an environment file that no service reads: most likely misspelt. */
export function unknownNames(env: Environment): string[] {
  const read = new Set([...services.values()].flatMap((schema) => Object.keys(schema.shape)));
  return Object.keys(env).filter((name) => !read.has(name));
}

/** What would be in force, one `NAME=value` per line, without secrets; or the problems. */
export function printReport(names: readonly string[], env: Environment): Report {
  const checked = checkReport(names, env);
  if (checked.hasProblem) return checked;
  return { lines: names.flatMap((name) => [`# ${name}`, ...valueLines(name, env), ""]), hasProblem: false };
}

function valueLines(name: string, env: Environment): string[] {
  const schema = schemaOf(name);
  const values: Readonly<Record<string, unknown>> = readConfig(schema, env);
  return fieldsOf(schema).map((field) => {
    const value = values[field.name];
    const note = value === undefined ? "  # not set" : (env[field.name] ?? "") === "" ? "  # default" : "";
    return `${field.name}=${field.isSecret && value !== undefined ? mask : withoutCredentials(shown(value))}${note}`;
  });
}

/** `nats://user:password@host` keeps its user's name only. */
function withoutCredentials(text: string): string {
  return text.replaceAll(/(:\/\/[^\s:@/,]*:)[^\s@/,]*@/g, `$1${mask}@`).replaceAll(/(:\/\/)[^\s:@/,]+@/g, `$1${mask}@`);
}
