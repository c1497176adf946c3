// Runs @durable-streams/server-conformance-tests against a server, and says a line for each of its tests.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const { url } = JSON.parse(process.argv[2]);
const require = createRequire(import.meta.url);
const suite = path.join(
  path.dirname(require.resolve("@durable-streams/server-conformance-tests/package.json")),
  "dist",
);
const vitest = path.join(path.dirname(require.resolve("vitest/package.json")), "vitest.mjs");
const folder = mkdtempSync(path.join(tmpdir(), "durable-streams-"));
const report = path.join(folder, "report.json");
const args = ["run", "test-runner.js", "--root", suite, "--dir", suite, "--no-coverage", "--passWithNoTests=false"];
const how = ["--exclude", "nothing", "--reporter", "json", "--outputFile", report];
const child = spawn(process.execPath, [vitest, ...args, ...how, "--testTimeout", "30000"], {
  cwd: suite,
  env: { ...process.env, CONFORMANCE_TEST_URL: url, VITEST: undefined, VITEST_WORKER_ID: undefined },
  stdio: ["ignore", "ignore", "pipe"],
});
child.stderr.pipe(process.stderr);
child.on("close", () => {
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  rmSync(folder, { recursive: true });
  for (const { assertionResults } of testResults)
    for (const { ancestorTitles, title, status, failureMessages } of assertionResults) {
      const message = (failureMessages[0] ?? "").split("\n", 1)[0];
      process.stdout.write(`${JSON.stringify({ type: "test", group: ancestorTitles[0], title, status, message })}\n`);
    }
  process.stdout.write(`${JSON.stringify({ type: "done" })}\n`);
});
