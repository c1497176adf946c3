import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../setup/paths.mjs";
import { SetupError } from "../setup/setup-error.mjs";
import { serviceEnvironments } from "./environment.mjs";

/** Any that are right: the addresses are looked at by who connects to them. */
const anywhere = { urls: { nats: "nats://127.0.0.1:4222", redis: "redis://127.0.0.1:6379" }, modelPort: 8090 };

const builtFile = (...parts) => path.join(root, ...parts);

async function load(file) {
  return existsSync(file) ? import(pathToFileURL(file).href) : undefined;
}

function problemsIn({ readConfig, ConfigError }, schema, env) {
  try {
    readConfig(schema, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** What is wrong with the settings of these services, by their own schemas as they are built; nothing where there is no build yet. */
async function settingsProblems(services, env) {
  const runtime = await load(builtFile("libs", "runtime", "dist", "index.js"));
  if (runtime === undefined) return [];
  const environments = serviceEnvironments({ env, ...anywhere });
  const places = new Map();
  for (const service of services) {
    const config = await load(builtFile("services", service, "dist", "config.js"));
    const problems = config === undefined ? [] : problemsIn(runtime, config.Config, environments[service]);
    for (const problem of problems) places.set(problem, [...(places.get(problem) ?? []), service]);
  }
  return [...places].map(([problem, names]) => `${problem} (${names.join(", ")})`);
}

/** Throws a SetupError with all that is wrong at once, `first` included, so that nobody mends one setting after the other. */
export async function checkSettings(services, env, first = []) {
  const problems = [...first, ...(await settingsProblems(services, env))];
  if (problems.length > 0) throw new SetupError(problems.join("\n"));
}
