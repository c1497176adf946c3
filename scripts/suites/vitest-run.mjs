import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { root, tool } from "../setup/paths.mjs";
import { failuresIn } from "./failures.mjs";

export const artefactsDir = path.join(root, "test", "artefacts");

/** What vitest wrote of a run, or undefined when it did not get that far. */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Tests that passed, failed and were skipped. A run that failed without a failed test (a file that does not load, an error
 * outside of tests, a deadline) counts as one failure: the sum must never look better than the exit code.
 */
function countTests(report, hasFailed) {
  const {
    numPassedTests = 0,
    numFailedTests = 0,
    numPendingTests = 0,
    numTodoTests = 0,
    testResults = [],
  } = report ?? {};
  const brokenFiles = testResults.filter(({ status, assertionResults }) => {
    return status === "failed" && !assertionResults.some((result) => result.status === "failed");
  }).length;
  const failed = numFailedTests + brokenFiles;
  return {
    passed: numPassedTests,
    failed: hasFailed ? Math.max(failed, 1) : failed,
    skipped: numPendingTests + numTodoTests,
  };
}

function vitest(args, { node, env, deadlineMs, signal }) {
  return new Promise((resolve) => {
    // Its own process group, so that the workers of a run that is cut off go with it.
    const child = spawn(node, [tool("vitest", "vitest.mjs"), "run", ...args], {
      cwd: root,
      env,
      detached: true,
      stdio: ["ignore", "inherit", "inherit"],
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
    signal.addEventListener("abort", killAll, { once: true });
    child.once("error", () => resolve({ code: 1, isLate }));
    child.once("exit", (code) => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", killAll);
      resolve({ code, isLate });
    });
  });
}

/** Runs one suite and returns `{ name, passed, failed, skipped, ms, result, failures }`. */
export async function runSuite({ name, deadlineMs }, { vitestArgs, node, env, signal }) {
  const startedAt = performance.now();
  mkdirSync(artefactsDir, { recursive: true });
  const reportFile = path.join(artefactsDir, `${name}.json`);
  rmSync(reportFile, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  const args = [`--project=${name}`, "--passWithNoTests", ...reporters, ...vitestArgs];
  const { code, isLate } = await vitest(args, { node, env, deadlineMs, signal });
  const report = readReport(reportFile);
  const counts = countTests(report, code !== 0);
  const result = code === 0 ? "passed" : isLate ? `cut off after ${deadlineMs / 1000} s` : "FAILED";
  return { name, ...counts, ms: performance.now() - startedAt, result, failures: failuresIn(report) };
}
