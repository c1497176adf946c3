import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { eventually, tempDir } from "@parley/testkit";

const testkit = fileURLToPath(new URL("../dist/index.js", import.meta.url));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("leaves no broker and no folder behind when the test runner is killed", async () => {
  await using folder = await tempDir();
  const script = `
    const { startRedis } = await import(${JSON.stringify(testkit)});
    const first = await startRedis();
    const second = await startRedis();
    await first.kill();
    console.log(second.pid);
    setInterval(() => {}, 1000);
  `;
  const runner = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, TMPDIR: folder.path },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: runner.stdout }), "line");
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);
  expect(await readdir(folder.path)).toHaveLength(2);
  runner.kill("SIGKILL");
  await eventually(() => !isAlive(pid), { what: "Redis gone" });
  await eventually(async () => (await readdir(folder.path)).length === 0, { what: "the temporary folders gone" });
});
