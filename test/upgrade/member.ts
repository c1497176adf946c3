import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { withDeadline } from "@parley/runtime";
import { asItsRole, eventually, freePort } from "@parley/testkit";

export type Role = "edge" | "agent-worker" | "tool-worker" | "model-simulator" | "cluster-simulator";

/** A built checkout: what runs is `services/<role>/dist/main.js` in it. */
export interface Version {
  readonly name: string;
  readonly root: string;
  /** Whether its turns can wait for people. */
  readonly canWait: boolean;
  /** Settings of its processes beside those of the fleet. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One process of some version. */
export interface Member {
  readonly role: Role;
  readonly version: Version;
  readonly port: number;
  /** SIGTERM, as a deployment does it. Returns how long it took; throws when it had to be killed. */
  stop(): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

const readyWithinMs = 30_000;
/** A deployment's patience; the processes' own SHUTDOWN_MS is 10 s. */
const stopWithinMs = 30_000;
const outputChars = 20_000;

async function answers(url: string): Promise<boolean> {
  return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
}

/** Starts a process and waits until it says that it is ready. */
export async function startMember(version: Version, role: Role, env: Record<string, string>): Promise<Member> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, [path.join(version.root, "services", role, "dist/main.js")], {
    env: { PATH, HOME, HOST: "127.0.0.1", ...asItsRole(role, env), PORT: String(port), ADMIN_PORT: String(adminPort) },
    cwd: version.root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-outputChars)));
  }
  const exited = once(child, "exit");
  const isReady = (): Promise<boolean> => {
    // It listens with TLS and a certificate of its own; that it has written its kubeconfig is awaited by the caller.
    if (role === "cluster-simulator") return Promise.resolve(output.includes("ready"));
    return answers(`http://127.0.0.1:${role === "model-simulator" ? port : adminPort}/readyz`);
  };
  try {
    await eventually(() => child.exitCode !== null || isReady(), {
      what: `${role} of ${version.name} ready`,
      timeoutMs: readyWithinMs,
    });
    if (child.exitCode !== null) throw new Error(`${role} of ${version.name} ended before it was ready:\n${output}`);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    ...{ role, version, port },
    stop: () => stop(child, exited, `${role} of ${version.name}`),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exited;
    },
  };
}

async function stop(child: ChildProcess, exited: Promise<unknown>, what: string): Promise<number> {
  const startedAt = performance.now();
  child.kill("SIGTERM");
  try {
    await withDeadline(exited, stopWithinMs, `the end of ${what} after SIGTERM`);
  } finally {
    if (child.exitCode === null) child.kill("SIGKILL");
  }
  return performance.now() - startedAt;
}
