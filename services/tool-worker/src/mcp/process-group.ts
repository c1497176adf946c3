import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";

export interface GroupOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  /** All that the process gets. */
  readonly env: Readonly<Record<string, string>>;
}

export type ProcessGroup = ReturnType<typeof startGroup>;

const SETPRIV = "/usr/bin/setpriv";
const MEMORY_EVERY_MS = 5_000;
const PAGE_BYTES = 4_096;

/** The groups that live: a worker that ends in whatever way it notices takes them with it. */
const living = new Set<number>();
let hasExitHook = false;

function killOnExit(pid: number): void {
  living.add(pid);
  if (hasExitHook) return;
  hasExitHook = true;
  process.once("exit", () => {
    for (const group of living) sendTo(group, "SIGKILL");
  });
}

function sendTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left of the group.
  }
}

/**
 * Starts a program as the leader of a process group of its own, so that all that it starts ends with it. A worker that is killed outright can do nothing: then
 * the program sees the end of its input, and where there is setpriv (util-linux) the kernel kills it.
 */
export function startGroup({ command, args, cwd, env }: GroupOptions) {
  const [program, programArgs] = existsSync(SETPRIV)
    ? [SETPRIV, ["--pdeathsig", "KILL", "--", command, ...args]]
    : [command, [...args]];
  const child: ChildProcessWithoutNullStreams = spawn(program, programArgs, {
    env: { ...env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const { pid } = child;
  if (pid !== undefined) killOnExit(pid);
  // Its leader is gone; what it has started may be there still.
  child.once("exit", () => {
    if (pid === undefined) return;
    sendTo(pid, "SIGKILL");
    living.delete(pid);
  });

  return {
    child,
    pid,
    send(signal: NodeJS.Signals): void {
      if (pid !== undefined && living.has(pid)) sendTo(pid, signal);
    },
  };
}

/** Looks every few seconds how much memory a group has; calls back once when it is more than `maxBytes`. Returns how to end that. */
export function watchMemory(pid: number, maxBytes: number, onTooMuch: (bytes: number) => void): () => void {
  const timer = setInterval(() => {
    residentBytes(pid).then(
      (bytes) => {
        if (bytes <= maxBytes) return;
        clearInterval(timer);
        onTooMuch(bytes);
      },
      // No /proc: another system, where this bound does not exist.
      () => clearInterval(timer),
    );
  }, MEMORY_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

async function residentBytes(group: number): Promise<number> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const sizes = await Promise.all(
    processes.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
      // proc_pid_stat(5): the name in parentheses may hold anything; behind it the group is field 5 and the resident pages field 24.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(fields[2]) === group ? Number(fields[21]) * PAGE_BYTES : 0;
    }),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
