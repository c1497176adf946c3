import { spawn } from "node:child_process";
import { reapWithMe } from "./reaper.ts";

const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export type ChildOptions = { command: string; args: readonly string[]; env: Record<string, string>; cwd: string };

export type Child = {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  isRunning(): boolean;
  /** All it wrote to stdout and stderr, as it came; of more than 4 MiB the oldest is gone. */
  output(): string;
  send(signal: NodeJS.Signals): void;
};

/** Starts a program. Resolves when it runs (not when it is ready), rejects when it cannot be started. */
export function startChild({ command, args, env, cwd }: ChildOptions): Promise<Child> {
  const chunks: string[] = [];
  let outputBytes = 0;
  let hasExited = false;
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      chunks.push(text);
      outputBytes += text.length;
      while (outputBytes > MAX_OUTPUT_BYTES) outputBytes -= chunks.shift()?.length ?? outputBytes;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => reject(new Error(`cannot start ${command}: ${cause.message}`, { cause })));
    child.once("spawn", () => {
      const pid = child.pid ?? 0;
      const forget = reapWithMe(pid);
      resolve({
        pid,
        // "close", not "exit": only then has all output been read.
        exited: new Promise((done) => child.once("close", (code, signal) => done({ code, signal }))),
        isRunning: () => !hasExited,
        output: () => chunks.join(""),
        send: (signal) => {
          if (!hasExited) child.kill(signal);
        },
      });
      child.once("exit", () => {
        hasExited = true;
        forget();
      });
    });
  });
}
