import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { tempDir } from "@parley/testkit";
import { runTests, testCheckout } from "./test-checkout.ts";

const passing = 'test("a", () => {}); test("b", () => {}); test.skip("c", () => {});';

test("ends with the sum of what passed and was skipped, and exit code 0", async () => {
  await using folder = await tempDir();
  await testCheckout(folder.path, { passing });
  const { code, lastLine, stdout, outcome } = await runTests(folder.path, ["unit"]);
  expect({ code, lastLine, outcome }).toEqual({ code: 0, lastLine: "2 passed, 0 failed, 1 skipped", outcome: "" });
  expect(stdout).toMatch(/^Runs:\n {2}unit .*\nDoes not run:\n[^]*npm run chaos /);
});

test("counts a file that does not load as a failure, beside the failed tests", async () => {
  await using folder = await tempDir();
  const failing = 'test("d", () => expect(1).toBe(2)); test("e", () => {});';
  await testCheckout(folder.path, { failing, broken: 'import "./no-such-file.mjs";' });
  const { code, lastLine, stdout } = await runTests(folder.path, ["unit"]);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "1 passed, 2 failed" });
  // Named again after the table, and kept for what prints more after the tests.
  const kept = await readFile(path.join(folder.path, "test", "artefacts", "failures.txt"), "utf8");
  expect(kept).toMatch(/unit: FAILED\n[^]*failing\.test\.mjs > d: .*expected 1 to be 2/);
  expect(kept).toMatch(/broken\.test\.mjs: .*no-such-file/);
  expect(stdout).toContain(kept);
});

test("counts an error outside of all tests as a failure, and names it", async () => {
  await using folder = await tempDir();
  await testCheckout(folder.path, { stray: 'test("f", () => { void Promise.reject(new Error("nobody waits")); });' });
  const { code, lastLine, outcome } = await runTests(folder.path, ["unit"]);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "1 passed, 1 failed" });
  expect(outcome).toMatch(
    /^unit: FAILED\n {2}Unhandled Rejection outside of tests: Error: nobody waits \(while test\/stray\.test\.mjs/,
  );
});

test("says in few characters what many failures are", async () => {
  await using folder = await tempDir();
  const long =
    'for (let i = 0; i < 12; i++) test(`test ${i} ${"x".repeat(80)}`, () => expect("y".repeat(200)).toBe(i));';
  await testCheckout(folder.path, { long });
  const { outcome } = await runTests(folder.path, ["unit"]);
  expect(outcome.length).toBeLessThanOrEqual(700);
  expect(outcome).toMatch(
    /^unit: FAILED\n {2}test\/long\.test\.mjs > test 0 [^]*test 3 [^]*\n {2}and \d more lines in failures\.txt\n$/,
  );
});

test("passes what follows the suites on to vitest", async () => {
  await using folder = await tempDir();
  await testCheckout(folder.path, { passing });
  const { lastLine } = await runTests(folder.path, ["unit", "-t", "b"]);
  expect(lastLine).toBe("1 passed, 0 failed, 2 skipped");
});

test("runs integration and e2e in the roles of the brokers with everything, and without them in between", async () => {
  const script = `
    const { readSuites } = await import("./scripts/suites/options.mjs");
    const inRoles = (args) => readSuites(args).chosen.filter(({ env }) => env?.PARLEY_TEST_ROLES === "1").map(({ name }) => name);
    console.log(JSON.stringify([inRoles(["all"]), inRoles([])]));
  `;
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd });
  expect(JSON.parse(stdout)).toEqual([["integration", "e2e"], []]);
});
