import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { eventually } from "@parley/testkit";
import type { Victim } from "../turns/target.ts";

const startDeadlineMs = 30_000;

export interface Program extends Victim {
  readonly pid: number;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** It is ready when somebody listens there; without it, when it has written a line. */
  readonly port?: number;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
    socket.once("connect", () => socket.end());
  });
}

/** A process of a peer, which may be killed and frozen. */
export async function startProgram({ command, args, cwd, env, port }: ProgramOptions): Promise<Program> {
  const child = spawn(command, args, {
    ...{ cwd, stdio: ["ignore", "pipe", "inherit"] },
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  const exited = once(child, "exit");
  let hasSpoken = false;
  child.stdout.on("data", () => (hasSpoken = true));
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  try {
    await eventually(async () => (port === undefined ? hasSpoken : isListening(port)), {
      what: `${args.join(" ")} ready`,
      timeoutMs: startDeadlineMs,
    });
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    pid: child.pid ?? 0,
    kill,
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    [Symbol.asyncDispose]: kill,
  };
}
