import { execFileSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import type { BrokerSample } from "../monitor.ts";

/** Where figures come from: without it they mean nothing. */
export interface Machine {
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly k6: string;
  readonly nats: string;
  readonly redis: string;
}

export function describeMachine(last: BrokerSample | undefined, k6: readonly string[]): Machine {
  const [program = "k6", ...first] = k6;
  return {
    commit: commit(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1_024 ** 3),
    system: `${type()} ${release()}`,
    node: process.version,
    k6: /v\d+\.\d+\.\d+/.exec(output(program, [...first, "version"]))?.[0] ?? "unknown",
    nats: last?.nats.version ?? "unknown",
    redis: last?.redis.version ?? "unknown",
  };
}

function commit(): string {
  const hash = output("git", ["rev-parse", "--short", "HEAD"]);
  if (hash === "") return "unknown";
  return output("git", ["status", "--porcelain", "--", "libs", "services", "loadtest"]) === ""
    ? hash
    : `${hash} and changes`;
}

function output(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}
