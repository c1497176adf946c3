import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { tempDir } from "@parley/testkit";
import { runTests, testCheckout } from "./test-checkout.ts";

// What `npm test` knows to say of a run that did not come to its end.

const passing = 'test("a", () => {});';

test("names the file that ran when its process died", async () => {
  await using folder = await tempDir();
  await testCheckout(folder.path, { dying: 'test("g", () => process.kill(process.pid, "SIGKILL"));' });
  const { code, outcome } = await runTests(folder.path, ["unit"]);
  expect(code).toBe(1);
  expect(outcome).toMatch(/^unit: FAILED\n[^]*Worker[^]*was running: test\/dying\.test\.mjs/);
});

test("names the test that runs at the deadline", async () => {
  await using folder = await tempDir();
  const hanging = 'test("h", () => new Promise(() => setInterval(() => {}, 1_000)), 60_000);';
  await testCheckout(folder.path, { hanging }, { deadlineMs: 8_000 });
  const { code, lastLine, outcome } = await runTests(folder.path, ["unit"]);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "0 passed, 1 failed" });
  expect(outcome).toBe("unit: cut off after 8 s\n  was running: test/hanging.test.mjs > h\n");
});

test("tells what vitest says that cannot begin", async () => {
  await using folder = await tempDir();
  await testCheckout(folder.path, { passing });
  await writeFile(path.join(folder.path, "vitest.config.mjs"), 'throw new Error("no such setting");');
  const { code, outcome } = await runTests(folder.path, ["unit"]);
  expect(code).toBe(1);
  expect(outcome).toContain(
    "unit: FAILED\n  no test failed, but vitest ended with exit code 1: Error: no such setting",
  );
});

test("keeps what it was doing for whoever finds it killed", async () => {
  await using folder = await tempDir();
  const killing = 'test("i", () => process.kill(Number(process.env.KILLED_PID), "SIGKILL"));';
  await testCheckout(folder.path, { killing });
  await writeFile(
    path.join(folder.path, "killed.mjs"),
    'process.env.KILLED_PID = String(process.pid);\nawait import("./scripts/test.mjs");',
  );
  const { code, outcome } = await runTests(folder.path, ["unit"], {}, "killed.mjs");
  expect({ code, outcome }).toEqual({ code: -1, outcome: "unit: was running when the tests were cut off\n" });
});
