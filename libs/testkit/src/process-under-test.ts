import { withDeadline } from "@parley/runtime";
import { type Child, type ChildOptions, type Exit, startChild } from "./child.ts";
import { eventually } from "./eventually.ts";

/** A start takes a second of a processor; a busy machine has only a part of one. */
const START_DEADLINE_MS = 25_000;
const STOP_DEADLINE_MS = 15_000;
const SHOWN_LINES = 20;

export type ProcessOptions = ChildOptions & {
  name: string;
  /** Whether it can be used. A throw counts as no. */
  isReady: () => Promise<boolean>;
  startDeadlineMs?: number;
};

/** A real process that a test may kill, freeze and start again; it is killed when it is disposed of. */
export type ProcessUnderTest = {
  readonly pid: number;
  /** The end of the process that runs now; after `restart`, of the new one. */
  readonly exited: Promise<Exit>;
  isRunning(): boolean;
  /** What it has written since it was last started. */
  output(): string;
  /** Sends the signal (default SIGKILL) and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** SIGTERM; SIGKILL when that did not end it in 15 s, which is an error. */
  stop(): Promise<void>;
  /** Starts it again with the same command, ports and data; kills it first if it still runs. */
  restart(): Promise<void>;
  /** Stops it in mid-instruction, as an overloaded machine or a paused container would; its connections stay open. */
  freeze(): void;
  thaw(): void;
  [Symbol.asyncDispose](): Promise<void>;
};

/** The last of what it wrote behind the words that introduce it; or that there is nothing. */
function lastLines(text: string, introduced: string): string {
  if (text.trim() === "") return "; it wrote nothing";
  return `${introduced}\n${text.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n")}`;
}

async function startReady({ name, isReady, startDeadlineMs = START_DEADLINE_MS, ...options }: ProcessOptions) {
  const child = await startChild(options);
  try {
    await eventually(async () => !child.isRunning() || (await isReady()), {
      what: `${name} ready`,
      timeoutMs: startDeadlineMs,
    });
  } catch (cause) {
    child.send("SIGKILL");
    throw new Error(`${name} was not ready in ${startDeadlineMs} ms${lastLines(child.output(), ". Its last lines:")}`, {
      cause,
    });
  }
  if (child.isRunning()) return child;
  const { code, signal } = await child.exited;
  throw new Error(
    `${name} ended (${signal ?? `exit code ${code}`}) before it was ready${lastLines(child.output(), ":")}`,
  );
}

async function kill(child: Child, signal: NodeJS.Signals): Promise<Exit> {
  child.send(signal);
  return child.exited;
}

async function stop(child: Child, name: string): Promise<void> {
  try {
    await withDeadline(kill(child, "SIGTERM"), STOP_DEADLINE_MS, `${name}'s end after SIGTERM`);
  } finally {
    await kill(child, "SIGKILL");
  }
}

/** Starts the program and waits until it is ready; when it is not, the error shows the last lines it wrote. */
export async function startProcess(options: ProcessOptions): Promise<ProcessUnderTest> {
  let child = await startReady(options);
  return {
    get pid() {
      return child.pid;
    },
    get exited() {
      return child.exited;
    },
    isRunning: () => child.isRunning(),
    output: () => child.output(),
    kill: (signal = "SIGKILL") => kill(child, signal),
    stop: () => stop(child, options.name),
    async restart() {
      await kill(child, "SIGKILL");
      child = await startReady(options);
    },
    freeze: () => child.send("SIGSTOP"),
    thaw: () => child.send("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await kill(child, "SIGKILL");
    },
  };
}
