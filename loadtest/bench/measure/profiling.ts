import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { eventually } from "@parley/testkit";

const writeDeadlineMs = 20_000;

/** The environment that makes a service take a processor profile of itself, and how to get it. Without a folder: nothing of it. */
export function profiling(folder: string | undefined, name: string) {
  if (folder === undefined) return { env: {}, start: (): void => {}, write: async (): Promise<void> => {} };
  mkdirSync(folder, { recursive: true });
  const file = path.resolve(folder, `${name}-${Date.now()}.cpuprofile`);
  const preload = new URL("profile-preload.mjs", import.meta.url).href;
  return {
    env: { NODE_OPTIONS: `--import ${preload}`, PROFILE_FILE: file },
    /** From here on: what a process does to start is of no interest. */
    start: (pid: number): void => void process.kill(pid, "SIGUSR2"),
    async write(pid: number): Promise<void> {
      process.kill(pid, "SIGUSR2");
      await eventually(() => existsSync(file), { what: `the profile ${file}`, timeoutMs: writeDeadlineMs });
    },
  };
}
