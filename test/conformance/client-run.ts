import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { z } from "zod";

const folder = path.join(import.meta.dirname, "clients");

/** Whether the ecosystem's clients are installed: `node scripts/conformance.mjs install`. Without them their tests are skipped. */
export const hasClients = existsSync(path.join(folder, "node_modules"));

const Line = z.looseObject({ type: z.string() });
export type ClientLine = z.infer<typeof Line>;

export interface ClientRun {
  /** Every line that it has said. */
  readonly lines: readonly ClientLine[];
  /** Resolves to the first line of this type, from the first line on. Rejects when the client ends without one, with what it wrote to stderr. */
  until(type: string): Promise<ClientLine>;
  /** Writes one line of JSON to its standard input. */
  tell(command: object): void;
  /** Its exit code. Rejects when it was killed. */
  readonly ended: Promise<number>;
  kill(): void;
}

export interface ClientRunOptions {
  /** Given to the driver as one argument of JSON. */
  readonly input: object;
  /** The program that runs it. Default: this Node. */
  readonly node?: string;
  readonly timeoutMs?: number;
}

/** Runs a client of somebody else's in a process of its own: `drivers/<driver>.mjs` in the folder of the clients. See `runProgram`. */
export function runClient(driver: string, { input, node = process.execPath, timeoutMs }: ClientRunOptions): ClientRun {
  const file = path.join(folder, "drivers", `${driver}.mjs`);
  return runProgram(driver, [node, file, JSON.stringify(input)], { cwd: folder, timeoutMs });
}

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number | undefined;
}

/** Runs a program that prints a line of JSON with a `type` for each thing that happens. It is killed at the end of its test. */
export function runProgram(
  name: string,
  [command = "", ...args]: readonly string[],
  { cwd, env = {}, timeoutMs = 60_000 }: ProgramOptions,
): ClientRun {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const lines: ClientLine[] = [];
  let errors = "";
  let wake: () => void = () => {};
  let next = new Promise<void>((resolve) => (wake = resolve));
  const told = (): void => {
    wake();
    next = new Promise<void>((resolve) => (wake = resolve));
  };
  child.stderr.on("data", (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-4_000)));
  createInterface({ input: child.stdout }).on("line", (text) => {
    lines.push(Line.parse(JSON.parse(text)));
    told();
  });
  let code: number | undefined;
  const ended = once(child, "close").then(([exit]: unknown[]) => {
    code = typeof exit === "number" ? exit : -1;
    told();
    return code;
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  onTestFinished(() => {
    clearTimeout(timer);
    child.kill("SIGKILL");
  });
  return {
    lines,
    ended,
    tell: (command) => void child.stdin.write(`${JSON.stringify(command)}\n`),
    kill: () => void child.kill("SIGKILL"),
    async until(type) {
      for (;;) {
        const found = lines.find((line) => line.type === type);
        if (found !== undefined) return found;
        if (code !== undefined) throw new Error(`${name} ended (${code}) without "${type}": ${errors}`);
        await next;
      }
    },
  };
}
