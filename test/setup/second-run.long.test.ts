import { expect, test } from "vitest";
import { tempDir } from "@parley/testkit";
import { runTests, testCheckout } from "./test-checkout.ts";

const inCi = { CI: "true" };

/** Fails the first time it runs in this checkout, with that message. */
const unlucky = (name: string, message = "expected 7 ms to be below 5 ms"): string => `
  import { existsSync, writeFileSync } from "node:fs";
  const isSecond = existsSync("${name}.seen");
  writeFileSync("${name}.seen", "");
  test("is quick", () => { if (!isSecond) throw new Error(${JSON.stringify(message)}); });
  test("is right", () => {});`;

test("passes in CI what passes on the second run, and says so at every place", async () => {
  await using folder = await tempDir();
  await testCheckout(folder.path, { slow: unlucky("slow"), other: 'test("a", () => {});' });
  const { code, lastLine, stdout, outcome } = await runTests(folder.path, ["all"], inCi);
  expect({ code, lastLine }).toEqual({ code: 0, lastLine: "3 passed, 0 failed, SOME ONLY ON THE SECOND RUN" });
  expect(outcome).toBe(
    "Passed only on the second run:\n  unit: test/slow.test.mjs > is quick: expected 7 ms to be below 5 ms\n",
  );
  expect(stdout).toContain(outcome);
  expect(stdout).toMatch(/\n {2}unit +3 +[\d.]+ s +passed, 1 file ON THE SECOND RUN\n/);
});

test("fails what fails again", async () => {
  await using folder = await tempDir();
  const broken = 'test("b", () => expect(1).toBe(2));';
  await testCheckout(folder.path, { broken, slow: unlucky("slow") });
  const { code, lastLine, outcome } = await runTests(folder.path, ["all"], inCi);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "1 passed, 2 failed" });
  expect(outcome).toMatch(/^unit: FAILED\n[^]*broken\.test\.mjs > b: /);
});

test("runs nothing again of more than five files that failed", async () => {
  await using folder = await tempDir();
  const files = ["a", "b", "c", "d", "e", "f"].map((name) => [name, unlucky(name)] as const);
  await testCheckout(folder.path, Object.fromEntries(files));
  const { code, lastLine } = await runTests(folder.path, ["all"], inCi);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "6 passed, 6 failed" });
});

test.each([
  ["outside of CI", ["all"], {}, unlucky("slow")],
  ["where suites are named", ["unit"], inCi, unlucky("slow")],
  [
    "where a property failed: other inputs are another test",
    ["all"],
    inCi,
    unlucky("slow", "Property failed after 3 tests"),
  ],
  [
    "where an error came up outside of tests",
    ["all"],
    inCi,
    `${unlucky("slow")}\n if (!isSecond) test("c", () => void Promise.reject(new Error("stray")));`,
  ],
  ["where a file did not load", ["all"], inCi, `${unlucky("slow")}\n if (!isSecond) throw new Error("no");`],
])("runs nothing again %s", async (_where, args, env, slow) => {
  await using folder = await tempDir();
  await testCheckout(folder.path, { slow });
  const { code, outcome, stdout } = await runTests(folder.path, args, env);
  expect(code).toBe(1);
  expect(outcome).toMatch(/^unit: FAILED\n/);
  expect(stdout).not.toContain("once more");
});
