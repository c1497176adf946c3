import { spawn } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { root } from "../setup/paths.mjs";
import { sayOf, seconds } from "../setup/progress.mjs";
import { SetupError } from "../setup/setup-error.mjs";
import { createOutput } from "./output.mjs";
import { readinessProblem } from "./readiness.mjs";

const READY_DEADLINE_MS = 30_000;
const READY_POLL_MS = 50;
const SAY_WAITING_MS = 3000;
const FIRST_RESTART_MS = 500;
const LAST_RESTART_MS = 15_000;
const STEADY_MS = 30_000;

/** Starts the process. Its own process group: Ctrl-C in the terminal is ours to pass on, in order. */
function launch(spec, { node, output }) {
  const main = path.join(root, "services", spec.service, "dist", "bundle", "main.mjs");
  const child = spawn(node, ["--enable-source-maps", main], {
    cwd: root,
    env: spec.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  output.attach(child);
  let isRunning = true;
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    // "close" comes after the last of its output.
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  child.once("exit", () => (isRunning = false));
  child.once("error", () => (isRunning = false));
  return {
    pid: child.pid,
    service: spec.service,
    ended,
    isRunning: () => isRunning,
    send: (signal) => child.kill(signal),
  };
}

/** Undefined once it is ready, or why it is not: it ended, or the deadline has come. */
async function untilReady({ name, readiness }, running) {
  const startedAt = performance.now();
  let saidAt = startedAt;
  let problem = await readinessProblem(readiness);
  while (problem !== undefined && running.isRunning() && performance.now() - startedAt < READY_DEADLINE_MS) {
    if (performance.now() - saidAt > SAY_WAITING_MS) {
      saidAt = performance.now();
      sayOf(name, `waiting: ${problem} (${seconds(saidAt - startedAt)})`);
    }
    await delay(READY_POLL_MS);
    problem = await readinessProblem(readiness);
  }
  return problem;
}

/** Why it ended, in its own words if it left any (they begin with its name, which the reader knows by then). */
async function lastWords({ ended, service }, output) {
  const how = await ended;
  const words = output.lastWords();
  return words.length === 0 ? [`it ended with ${how}`] : words.map((line) => line.replace(`${service}: `, ""));
}

async function sayWhenReady(spec, restarted) {
  const problem = await untilReady(spec, restarted);
  if (problem === undefined) sayOf(spec.name, `runs again (process ${restarted.pid})`);
  else if (restarted.isRunning()) sayOf(spec.name, `runs again, but is not ready: ${problem}`);
}

/** Runs it again whenever it ends, after a wait that grows while it keeps ending early, until the signal is aborted. */
async function keepRunning(spec, { first, run, output, signal }) {
  let waitMs = FIRST_RESTART_MS;
  let running = first;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const how = await running.ended;
    if (signal.aborted) return;
    for (const line of output.lastWords()) sayOf(spec.name, line);
    waitMs = performance.now() - startedAt > STEADY_MS ? FIRST_RESTART_MS : Math.min(waitMs * 2, LAST_RESTART_MS);
    sayOf(spec.name, `ended unexpectedly (${how}); starting it again in ${seconds(waitMs)}`);
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    running = run();
    void sayWhenReady(spec, running);
  }
}

/**
 * One service under supervision. An end before it was ready for the first time is an error, for the caller to report;
 * after that it is started again for as long as nobody stops it.
 */
export function createServiceProcess(spec, { node, log, verbose, onChange }) {
  const output = createOutput({ name: spec.name, log, verbose });
  const stopping = new AbortController();
  let running;

  function run() {
    running = launch(spec, { node, output });
    onChange();
    return running;
  }

  return {
    spec,
    pid: () => (running?.isRunning() ? running.pid : undefined),
    /** Starts it and waits until it is ready for the first time. */
    async start() {
      const startedAt = performance.now();
      const started = run();
      const problem = await untilReady(spec, started);
      if (stopping.signal.aborted) return;
      if (problem !== undefined) {
        const why = started.isRunning() ? [problem] : await lastWords(started, output);
        throw new SetupError(`${spec.name} did not start: ${why.join("\n  ")}\nAll that it wrote is in ${log.file}.`);
      }
      sayOf(spec.name, `ready (${seconds(performance.now() - startedAt)})`);
      void keepRunning(spec, { first: started, run, output, signal: stopping.signal });
    },
    /** SIGTERM now, SIGKILL at the deadline. Resolves when it has gone: false if it took the SIGKILL. */
    async stop(deadlineMs) {
      stopping.abort();
      if (running?.isRunning() !== true) return true;
      running.send("SIGTERM");
      let wasKilled = false;
      const deadline = setTimeout(() => (wasKilled = running.send("SIGKILL")), Math.max(deadlineMs, 0));
      await running.ended;
      clearTimeout(deadline);
      return !wasKilled;
    },
    /** Ends it at once. */
    kill() {
      stopping.abort();
      running?.send("SIGKILL");
    },
  };
}
