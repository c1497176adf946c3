import { execFile } from "node:child_process";
import { chmod, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tempDir } from "@parley/testkit";

const script = fileURLToPath(new URL("../../.ci/run", import.meta.url));

/** Runs `.ci/run` where `npm test` does what `tests` says (bash), all else does nothing but `tryNode`, which comes after it. */
async function runCi(folder: string, { tests, tryNode = "" }: { tests: string; tryNode?: string }) {
  await mkdir(path.join(folder, ".ci"));
  await cp(script, path.join(folder, ".ci", "run"));
  await mkdir(path.join(folder, "scripts"));
  for (const name of ["install", "advisories", "load"])
    await writeFile(path.join(folder, "scripts", `${name}.mjs`), "");
  await writeFile(path.join(folder, "scripts", "try-node.mjs"), tryNode);
  await mkdir(path.join(folder, "bin"));
  const npm = path.join(folder, "bin", "npm");
  await writeFile(npm, `#!/usr/bin/env bash\n[[ $1 == test ]] || exit 0\nmkdir -p test/artefacts\n${tests}\n`);
  await chmod(npm, 0o755);
  const env = { ...process.env, PATH: `${path.join(folder, "bin")}${path.delimiter}${process.env["PATH"]}` };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(path.join(folder, ".ci", "run"), { cwd: folder, env }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

const failing =
  'echo "unit: FAILED" >test/artefacts/outcome.txt; cp test/artefacts/outcome.txt test/artefacts/failures.txt';

test("says at its end which tests failed, whatever ran and wrote after them", async () => {
  await using folder = await tempDir();
  const tryNode = 'import { rmSync } from "node:fs"; rmSync("test/artefacts", { recursive: true }); console.log("ok");';
  const { code, stderr } = await runCi(folder.path, { tests: `${failing}; exit 1`, tryNode });
  expect({ code, stderr }).toEqual({ code: 1, stderr: "FAILED: npm test -- all (exit code 1)\nunit: FAILED\n" });
});

test("keeps what the tests said although others ran after them", async () => {
  await using folder = await tempDir();
  const tryNode = `import { writeFileSync } from "node:fs";
    for (const name of ["outcome", "failures"]) writeFileSync(\`test/artefacts/\${name}.txt\`, "");`;
  await runCi(folder.path, { tests: `${failing}; exit 1`, tryNode });
  for (const name of ["outcome.txt", "failures.txt"])
    expect(await readFile(path.join(folder.path, "test", "artefacts", "ci", name), "utf8")).toBe("unit: FAILED\n");
});

test("says what is known of tests that left no word", async () => {
  await using folder = await tempDir();
  const { code, stderr } = await runCi(folder.path, { tests: "kill -9 $$" });
  expect(code).toBe(1);
  const sentence = "npm test -- all ended before it wrote what it was doing.";
  expect(stderr.endsWith(`\nFAILED: npm test -- all (exit code 137)\n${sentence}\n`)).toBe(true);
});

test("says at its end what passed only on the second run", async () => {
  await using folder = await tempDir();
  const tests = 'printf "Passed only on the second run:\\n  unit: a > b: late\\n" >test/artefacts/outcome.txt';
  const { code, stdout } = await runCi(folder.path, { tests });
  expect(code).toBe(0);
  expect(stdout).toMatch(/\nAll checks and tests passed\.\nPassed only on the second run:\n {2}unit: a > b: late\n$/);
});
