import { execFile } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

interface CheckoutOptions {
  /** Of the unit suite, which is the only one. */
  readonly deadlineMs?: number;
}

/** A checkout with the real scripts whose unit suite has these files. */
export async function testCheckout(
  folder: string,
  files: Record<string, string>,
  { deadlineMs = 120_000 }: CheckoutOptions = {},
): Promise<void> {
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
  const options = path.join(folder, "scripts", "suites", "options.mjs");
  const end = "\n];\n";
  const onlyUnit = `${end}suites.length = 1;\nsuites[0].deadlineMs = ${deadlineMs};\n`;
  await writeFile(options, (await readFile(options, "utf8")).replace(end, onlyUnit));
}

export interface TestRun {
  readonly code: number;
  readonly lastLine: string | undefined;
  readonly stdout: string;
  /** `test/artefacts/outcome.txt`. */
  readonly outcome: string;
}

/** Runs `npm test` there, or another program that does. */
export function runTests(
  folder: string,
  args: string[],
  env: Record<string, string> = {},
  program = "scripts/test.mjs",
): Promise<TestRun> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: { ...process.env, CI: "", ...env } };
    const child = execFile(process.execPath, [program, ...args], options, (_error, stdout) => {
      const code = child.exitCode ?? -1;
      const lastLine = stdout.trimEnd().split("\n").at(-1);
      readFile(path.join(folder, "test", "artefacts", "outcome.txt"), "utf8")
        .then((outcome) => resolve({ code, lastLine, stdout, outcome }))
        .catch(reject);
    });
  });
}
