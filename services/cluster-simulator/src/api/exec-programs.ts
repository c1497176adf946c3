import { isoSeconds, SECOND_MS } from "../durations.ts";
import { listAt, textAt } from "../json.ts";
import { type KubeObject, nameOf } from "../kube-object.ts";
import { pause } from "./log-request.ts";

/** One run of a program in a container: what it writes goes through `out` and `err`, what it returns is its exit code. */
export type Run = {
  args: readonly string[];
  pod: KubeObject;
  container: string;
  nowMs: number;
  out: (text: string) => void;
  err: (text: string) => void;
  signal: AbortSignal;
};

const FLOOD_LINES = 200_000;
const MAX_SLEEP_MS = 60 * SECOND_MS;

const FILES: Readonly<Record<string, string>> = {
  "/etc/os-release": 'PRETTY_NAME="Simulated Linux"\n',
  "/proc/loadavg": "0.40 0.38 0.35 1/120 4242\n",
  "/app/config.json": '{"listen":8080,"apiKey":"sk-simulated-51Hx"}\n',
};

/** The few programs that every container has. There is no shell: what a shell would do to an argument does not happen. */
const PROGRAMS: Readonly<Record<string, (run: Run) => number | Promise<number>>> = {
  echo: ({ args, out }) => said(out, `${args.join(" ")}\n`),
  true: () => 0,
  false: () => 1,
  hostname: ({ pod, out }) => said(out, `${nameOf(pod)}\n`),
  whoami: ({ out }) => said(out, "app\n"),
  id: ({ out }) => said(out, "uid=10001(app) gid=10001(app)\n"),
  pwd: ({ out }) => said(out, "/app\n"),
  date: ({ nowMs, out }) => said(out, `${isoSeconds(nowMs)}\n`),
  ls: ({ out }) => said(out, "config.json\ndist\nnode_modules\npackage.json\n"),
  env: ({ pod, container, out }) => said(out, environment(pod, container)),
  printenv: ({ pod, container, out }) => said(out, environment(pod, container)),
  cat: ({ args, pod, out, err }) => {
    for (const file of args) {
      const text = file === "/etc/hostname" ? `${nameOf(pod)}\n` : FILES[file];
      if (text === undefined) {
        err(`cat: ${file}: No such file or directory\n`);
        return 1;
      }
      out(text);
    }
    return 0;
  },
  sleep: async ({ args, signal }) => {
    await pause(Math.min(MAX_SLEEP_MS, Number(args[0] ?? 0) * SECOND_MS), signal);
    return 0;
  },
  /** Far more than anybody wants to read. */
  yes: ({ args, out }) => said(out, `${args[0] ?? "y"}\n`.repeat(FLOOD_LINES)),
};

function said(out: (text: string) => void, text: string): number {
  out(text);
  return 0;
}

function environment(pod: KubeObject, container: string): string {
  const found = listAt(pod, "spec", "containers").find((entry) => textAt(entry, "name") === container);
  const own = listAt(found, "env").map((entry) => `${textAt(entry, "name") ?? ""}=${textAt(entry, "value") ?? ""}`);
  return [`HOSTNAME=${nameOf(pod)}`, "PATH=/usr/local/bin:/usr/bin:/bin", ...own].map((line) => `${line}\n`).join("");
}

/** The exit code, or undefined when there is no such program. */
export async function runProgram(name: string, run: Run): Promise<number | undefined> {
  const program = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  return program?.(run);
}
