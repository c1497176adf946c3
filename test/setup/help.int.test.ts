import { execFile } from "node:child_process";
import { cp, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tempDir } from "@parley/testkit";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const isCommand = (file: string): boolean => file.endsWith(".mjs") && !partsOfOthers.has(file);
const partsOfOthers: ReadonlySet<string> = new Set(["advisory-findings.mjs", "licenses-page.mjs"]);
const commands = (await readdir(path.join(repository, "scripts"))).filter(isCommand).toSorted();

type Folder = Awaited<ReturnType<typeof tempDir>>;
let folder: Folder;

/** A checkout in which nothing is installed or built. */
beforeAll(async () => {
  folder = await tempDir();
  await cp(path.join(repository, "scripts"), path.join(folder.path, "scripts"), { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) {
    await cp(path.join(repository, file), path.join(folder.path, file));
  }
});
afterAll(() => folder[Symbol.asyncDispose]());

function help(command: string, option: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const script = path.join(folder.path, "scripts", command);
    const env = { PATH: path.dirname(process.execPath) };
    const child = execFile(process.execPath, [script, option], { env }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

it.each(commands)("%s says how it is used, without setting anything up", async (command) => {
  for (const option of ["--help", "-h"]) {
    const { code, stdout, stderr } = await help(command, option);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Usage: /);
    expect(stdout).toContain(command === "start.mjs" ? "npm start" : command.replace(".mjs", ""));
  }
  const left = await readdir(folder.path);
  expect(left.toSorted()).toEqual(["package-lock.json", "package.json", "scripts"]);
});

it("there are all commands of package.json among them", async () => {
  const text = await readFile(path.join(repository, "package.json"), "utf8");
  const named = [...text.matchAll(/"node scripts\/([\w-]+\.mjs)"/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(6);
  expect(commands).toEqual(expect.arrayContaining(named));
});
