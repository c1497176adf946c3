import { spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { root, tool } from "../setup/paths.mjs";
import { say } from "../setup/progress.mjs";
import { countTests, failuresIn, firstLine, readReport, repeatableFiles, withSecondRun } from "./suite-report.mjs";

export const artefactsDir = path.join(root, "test", "artefacts");

/** The longest files take three minutes alone. */
const REPEAT_DEADLINE_MS = 7 * 60_000;
const LAST_WORDS_MS = 500;
const MAX_KEPT_CHARS = 4_000;
const MAX_RUNNING = 3;
const reporter = fileURLToPath(new URL("outcome-reporter.mjs", import.meta.url));

function vitest(args, { node, env, deadlineMs, signal }) {
  return new Promise((resolve) => {
    // Its own process group, so that the workers of a run that is cut off go with it.
    const child = spawn(node, [tool("vitest", "vitest.mjs"), "run", ...args], {
      cwd: root,
      env,
      detached: true,
      stdio: ["ignore", "inherit", "pipe"],
    });
    // For the reason when vitest fails before its reporters begin.
    let errorOutput = "";
    child.stderr.on("data", (chunk) => {
      process.stderr.write(chunk);
      errorOutput = `${errorOutput}${chunk}`.slice(-MAX_KEPT_CHARS);
    });
    const killAll = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended in this moment.
      }
    };
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = true;
      killAll();
    }, deadlineMs);
    const end = (exit) => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", killAll);
      child.stderr?.destroy();
      resolve({ isLate, ...exit });
    };
    signal.addEventListener("abort", killAll, { once: true });
    child.once("error", (error) => end({ code: 1, killedBy: null, errorOutput: String(error) }));
    child.once("exit", (code, killedBy) => {
      // What it said last may still be on its way; a process that it left behind may keep the pipe open for ever.
      const ended = () => end({ code, killedBy, errorOutput });
      if (child.stderr.readableEnded) return ended();
      child.stderr.once("end", ended);
      setTimeout(ended, LAST_WORDS_MS).unref();
    });
  });
}

/** Runs vitest for a suite and returns how it ended and what its reporter wrote. */
async function runOnce(name, { reportName, args, env, ...options }) {
  mkdirSync(artefactsDir, { recursive: true });
  const reportFile = path.join(artefactsDir, `${reportName}.jsonl`);
  rmSync(reportFile, { force: true });
  const reporters = ["--reporter=default", `--reporter=${reporter}`];
  const reporting = { ...env, PARLEY_TEST_REPORT: reportFile };
  const exit = await vitest([`--project=${name}`, ...reporters, ...args], { ...options, env: reporting });
  return { ...exit, report: readReport(reportFile) };
}

/** Why a run failed, beside the tests that did. */
function describeEnd({ code, killedBy, isLate, errorOutput, report }) {
  if (isLate && report.hasEnded)
    return ["all tests ended, but vitest did not: something in its processes is still open"];
  const running = report.running.slice(0, MAX_RUNNING).map((place) => `was running: ${place}`);
  if (running.length > 0 || failuresIn(report).length > 0) return running;
  if (isLate || killedBy !== null) return ["no test was running"];
  const words = errorOutput.split("\n").map(firstLine);
  const reason = words.find((line) => line.includes("Error: ")) ?? words.findLast((line) => line !== "");
  return [`no test failed, but vitest ended with exit code ${code}${reason === undefined ? "" : `: ${reason}`}`];
}

function resultOf({ code, killedBy, isLate }, deadlineMs) {
  if (isLate) return `cut off after ${deadlineMs / 1000} s`;
  if (killedBy !== null) return `FAILED, killed by ${killedBy}`;
  return code === 0 ? "passed" : "FAILED";
}

/** The same as of the first run, when files failed that pass now; undefined when they may not be run again, or fail again. */
async function runAgain({ name }, first, { repeats, ...options }) {
  const files = first.code === 0 || options.signal.aborted ? undefined : repeatableFiles(first.report);
  if (files === undefined || files.length > repeats.left) return undefined;
  repeats.left -= files.length;
  say();
  say(`== ${name}: ${files.length} that failed, once more, one at a time`);
  const args = ["--no-file-parallelism", ...files];
  const deadlineMs = REPEAT_DEADLINE_MS;
  const second = await runOnce(name, { ...options, deadlineMs, args, reportName: `${name}-second-run` });
  const hasAll = files.every((file) => second.report.files.has(file));
  return second.code === 0 && hasAll ? { files, report: withSecondRun(first.report, second.report) } : undefined;
}

/**
 * Runs one suite and returns `{ name, passed, failed, skipped, ms, hasPassed, result, failures, secondRun }`. `repeats.left`: how many more files
 * may be run a second time.
 */
export async function runSuite(suite, { vitestArgs, ...options }) {
  const { name, deadlineMs } = suite;
  const startedAt = performance.now();
  const args = ["--passWithNoTests", ...vitestArgs];
  const first = await runOnce(name, { ...options, deadlineMs, args, reportName: name });
  const again = await runAgain(suite, first, options);
  const ms = performance.now() - startedAt;
  if (again !== undefined) {
    const result = `passed, ${again.files.length} ${again.files.length === 1 ? "file" : "files"} ON THE SECOND RUN`;
    return {
      name,
      ...countTests(again.report),
      ms,
      hasPassed: true,
      result,
      failures: [],
      secondRun: failuresIn(first.report),
    };
  }
  const hasPassed = first.code === 0;
  const counts = countTests(first.report);
  // The sum must never look better than the exit code.
  const failed = hasPassed ? counts.failed : Math.max(counts.failed, 1);
  const failures = hasPassed ? [] : [...failuresIn(first.report), ...describeEnd(first)];
  return { name, ...counts, failed, ms, hasPassed, result: resultOf(first, deadlineMs), failures, secondRun: [] };
}
