import { ConfigError, readConfig, StartError, type Environment } from "@parley/runtime";
import type { z } from "zod";
import { fieldsOf, shown } from "./field.ts";
import { deployed, services, startChecks } from "./services.ts";

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

/** The services a person named; all that a deployment has by default. Throws an Error with one sentence for an unknown name. */
export function chosenServices(name = "all"): string[] {
  if (name === "all") return deployed;
  schemaOf(name);
  return [name];
}

/** Every problem of the environment, service by service: in the settings, and in the files that they name. */
export async function checkReport(names: readonly string[], env: Environment): Promise<Report> {
  const results = await Promise.all(names.map(async (name) => ({ name, problems: await problemsOf(name, env) })));
  const lines = results.flatMap(({ name, problems }) =>
    problems.length === 0 ? [`${name}: valid`] : [`${name}:`, ...problems.flatMap(problemLines)],
  );
  return { lines, hasProblem: results.some(({ problems }) => problems.length > 0) };
}

function problemLines(problem: string): string[] {
  return problem.split("\n").map((line, index) => `${index === 0 ? "  - " : "  "}${line}`);
}

async function problemsOf(name: string, env: Environment): Promise<readonly string[]> {
  const schema = schemaOf(name);
  const own = settingProblems(schema, env);
  // What else is wrong is told at once: as if what is wrong so far were not set, where a process could begin without it.
  const usable = own.length === 0 ? env : without(env, own, Object.keys(schema.shape));
  if (settingProblems(schema, usable).length > 0) return own;
  const checks = (startChecks.get(name) ?? []).map((check) => check(usable).then(() => [], problemsIn));
  return [...own, ...(await Promise.all(checks)).flat()];
}

function settingProblems(schema: z.ZodObject, env: Environment): readonly string[] {
  try {
    readConfig(schema, env);
    return [];
  } catch (error) {
    return problemsIn(error);
  }
}

/** Each problem begins with the name of its setting. */
function without(env: Environment, problems: readonly string[], names: readonly string[]): Environment {
  const wrong = new Set(names.filter((name) => problems.some((problem) => problem.startsWith(`${name} `))));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !wrong.has(name)));
}

function problemsIn(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  if (error instanceof StartError) return [error.message];
  throw error;
}

/** Names of an environment file that no service reads: most likely misspelt. */
export function unknownNames(env: Environment): string[] {
  const read = new Set([...services.values()].flatMap((schema) => Object.keys(schema.shape)));
  return Object.keys(env).filter((name) => !read.has(name));
}

/** What would be in force, one `NAME=value` per line, without secrets; or the problems. */
export async function printReport(names: readonly string[], env: Environment): Promise<Report> {
  const checked = await checkReport(names, env);
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
