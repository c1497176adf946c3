import { execFile } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tempDir } from "@parley/testkit";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** A checkout with the real scripts whose unit suite has these files. */
async function checkout(folder: string, files: Record<string, string>): Promise<void> {
  await cp(path.join(repository, "scripts"), path.join(folder, "scripts"), { recursive: true });
  await cp(path.join(repository, "package-lock.json"), path.join(folder, "package-lock.json"));
  await symlink(path.join(repository, "node_modules"), path.join(folder, "node_modules"));
  await mkdir(path.join(folder, "services", "edge"), { recursive: true });
  const unit = { test: { name: "unit", include: ["test/*.test.mjs"] } };
  await writeFile(
    path.join(folder, "vitest.config.mjs"),
    `export default { test: { projects: [${JSON.stringify(unit)}] } }`,
  );
  await mkdir(path.join(folder, "test"));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(path.join(folder, "test", `${name}.test.mjs`), `import { test, expect } from "vitest";\n${text}`);
  }
}

function runTests(
  folder: string,
  args: string[],
): Promise<{ code: number; lastLine: string | undefined; stdout: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ["scripts/test.mjs", ...args], { cwd: folder }, (_error, stdout) => {
      resolve({ code: child.exitCode ?? -1, lastLine: stdout.trimEnd().split("\n").at(-1), stdout });
    });
  });
}

const passing = 'test("a", () => {}); test("b", () => {}); test.skip("c", () => {});';

test("ends with the sum of what passed and was skipped, and exit code 0", async () => {
  await using folder = await tempDir();
  await checkout(folder.path, { passing });
  const { code, lastLine, stdout } = await runTests(folder.path, ["unit"]);
  expect({ code, lastLine }).toEqual({ code: 0, lastLine: "2 passed, 0 failed, 1 skipped" });
  expect(stdout).toMatch(/^Runs:\n {2}unit .*\nDoes not run:\n {2}npm test -- integration .*\n[^]*npm run chaos /);
});

test("counts a file that does not load as a failure, beside the failed tests", async () => {
  await using folder = await tempDir();
  const failing = 'test("d", () => expect(1).toBe(2)); test("e", () => {});';
  await checkout(folder.path, { failing, broken: 'import "./no-such-file.mjs";' });
  const { code, lastLine, stdout } = await runTests(folder.path, ["unit"]);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "1 passed, 2 failed" });
  // Named again after the table, and kept for what prints more after the tests.
  const kept = await readFile(path.join(folder.path, "test", "artefacts", "failures.txt"), "utf8");
  expect(kept).toMatch(/unit: FAILED\n[^]*failing\.test\.mjs > d: .*expected 1 to be 2/);
  expect(kept).toMatch(/broken\.test\.mjs: .*no-such-file/);
  expect(stdout).toContain(kept);
});

test("counts an error outside of all tests as a failure", async () => {
  await using folder = await tempDir();
  await checkout(folder.path, { stray: 'test("f", () => { void Promise.reject(new Error("stray")); });' });
  const { code, lastLine } = await runTests(folder.path, ["unit"]);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: "1 passed, 1 failed" });
});

test("passes what follows the suites on to vitest", async () => {
  await using folder = await tempDir();
  await checkout(folder.path, { passing });
  const { lastLine } = await runTests(folder.path, ["unit", "-t", "b"]);
  expect(lastLine).toBe("1 passed, 0 failed, 2 skipped");
});
