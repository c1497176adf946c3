import { ConfigError, type Environment } from "./config.ts";
import { StartError } from "./start-error.ts";
import { optimizeSooner } from "./tier-up.ts";

export type MainContext = { env: Environment };

/**
 * Runs a process: `main` resolves when its work is over, and the process then exits, also when a step of the shutdown
 * left something open. What goes wrong becomes one line on standard error and exit code 1.
 */
export function runMain(service: string, main: (context: MainContext) => Promise<void>): void {
  optimizeSooner();
  const { env } = process;
  const fail = (error: unknown): never => {
    process.stderr.write(`${describeFailure(service, error, env)}\n`);
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  main({ env }).then(() => process.exit(), fail);
}

/** What a person reads when the process ends: their own mistake as a sentence, ours with a way to tell us more. */
function describeFailure(service: string, error: unknown, env: Environment): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError || error instanceof StartError) return `${service}: ${message}`;
  const sentence = `${service} stopped because of a fault in Parley; please report it: ${message}`;
  const wantsStack = env["LOG_LEVEL"] === "debug" || env["LOG_LEVEL"] === "trace";
  if (!wantsStack) return `${sentence} (LOG_LEVEL=debug shows where.)`;
  return error instanceof Error && error.stack !== undefined ? `${sentence}\n${error.stack}` : sentence;
}
