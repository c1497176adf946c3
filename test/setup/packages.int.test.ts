import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { tempDir } from "@parley/testkit";

const run = promisify(execFile);
const repository = fileURLToPath(new URL("../..", import.meta.url));
const scripts = path.join(repository, "scripts");

type Lock = { packages: Record<string, { version: string; integrity?: string; optional?: boolean }> };

/** A checkout with the real scripts and this lock, and an `npm` that writes down how it was called. */
async function checkout(folder: string, { lock, installed }: { lock: Lock; installed?: Lock }) {
  await cp(scripts, path.join(folder, "scripts"), { recursive: true });
  await writeFile(path.join(folder, "package-lock.json"), JSON.stringify(lock));
  if (installed !== undefined) await install(folder, installed);
  await mkdir(path.join(folder, "bin"));
  const npm = `#!/bin/sh
echo "$@" >> "${folder}/npm-calls"
[ -z "$NPM_FAILS" ] || { echo "npm error code E1"; echo "npm error $NPM_FAILS"; exit 1; }
mkdir -p "${folder}/node_modules"
`;
  await writeFile(path.join(folder, "bin", "npm"), npm, { mode: 0o755 });
}

async function install(folder: string, lock: Lock): Promise<void> {
  await mkdir(path.join(folder, "node_modules"), { recursive: true });
  await writeFile(path.join(folder, "node_modules", ".package-lock.json"), JSON.stringify(lock));
}

async function runInstall(folder: string, env: Record<string, string> = {}) {
  const PATH = `${path.join(folder, "bin")}${path.delimiter}${process.env["PATH"]}`;
  return run(process.execPath, ["scripts/install.mjs"], { cwd: folder, env: { ...env, PATH } });
}

async function npmCalls(folder: string): Promise<string[]> {
  const text = await readFile(path.join(folder, "npm-calls"), "utf8").catch(() => "");
  return text.trim() === "" ? [] : text.trim().split("\n");
}

/** All that npm reads before it installs. */
async function manifests(): Promise<string[]> {
  const { packages }: Lock = JSON.parse(await readFile(path.join(repository, "package-lock.json"), "utf8"));
  const workspaces = Object.keys(packages).filter((place) => !place.includes("node_modules/"));
  return [".npmrc", "package-lock.json", ...workspaces.map((place) => path.join(place, "package.json"))];
}

const lock: Lock = {
  packages: {
    "node_modules/one": { version: "1.0.0", integrity: "sha512-1" },
    "node_modules/other-system": { version: "1.0.0", optional: true },
  },
};

test("installs with npm ci, compiler included, when node_modules is missing", async () => {
  await using folder = await tempDir();
  await checkout(folder.path, { lock });
  const { stdout } = await runInstall(folder.path, { NODE_ENV: "production" });
  expect(await npmCalls(folder.path)).toEqual(["ci --no-audit --no-fund --include=dev"]);
  expect(stdout).toContain("installing with npm ci");
});

test("installs nothing when what is there is what the lock asks for on this system", async () => {
  await using folder = await tempDir();
  const installed = { packages: { "node_modules/one": { version: "1.0.0", integrity: "sha512-1" } } };
  await checkout(folder.path, { lock, installed });
  const { stdout } = await runInstall(folder.path);
  expect(await npmCalls(folder.path)).toEqual([]);
  expect(stdout).toContain("up to date");
});

test("installs again when the lock asks for another version", async () => {
  await using folder = await tempDir();
  const installed = { packages: { "node_modules/one": { version: "0.9.0", integrity: "sha512-0" } } };
  await checkout(folder.path, { lock, installed });
  await runInstall(folder.path);
  expect(await npmCalls(folder.path)).toHaveLength(1);
});

test("installs again when the packages are those of another system", async () => {
  await using folder = await tempDir();
  const installed = { packages: { "node_modules/one": { version: "1.0.0", integrity: "sha512-1" } } };
  await checkout(folder.path, { lock, installed });
  await writeFile(path.join(folder.path, "node_modules", ".parley-system"), "plan9-mips");
  await runInstall(folder.path);
  expect(await npmCalls(folder.path)).toHaveLength(1);
});

test("says in one sentence why npm failed, without a stack trace", async () => {
  await using folder = await tempDir();
  await checkout(folder.path, { lock });
  const failing = runInstall(folder.path, { NPM_FAILS: "network request to registry failed" });
  await expect(failing).rejects.toMatchObject({
    code: 1,
    stderr: "npm could not install the packages (network request to registry failed): `npm ci` shows more.\n",
  });
});

test("does not install around a lock that npm ci refuses", async () => {
  await using folder = await tempDir();
  await checkout(folder.path, { lock });
  await expect(runInstall(folder.path, { NPM_FAILS: "the lock is not in sync" })).rejects.toMatchObject({ code: 1 });
  expect(await npmCalls(folder.path)).toHaveLength(1);
});

test.each([
  "--os linux --cpu x64 --libc glibc",
  "--os linux --cpu x64 --libc musl",
  "--os linux --cpu arm64 --libc glibc",
  "--os darwin --cpu arm64",
  "--os darwin --cpu x64",
  "--os win32 --cpu x64",
])("npm ci takes the lock without a registry and without a warning of engines: %s", async (system) => {
  await using folder = await tempDir();
  for (const file of await manifests()) await cp(path.join(repository, file), path.join(folder.path, file));
  const args = ["ci", "--dry-run", "--offline", "--no-audit", ...system.split(" ")];
  const { stdout, stderr } = await run("npm", args, { cwd: folder.path });
  expect(stdout).toContain("add typescript");
  expect(stderr).not.toMatch(/EBADENGINE/);
});

test("lets two installs of one checkout run one after the other", async () => {
  await using folder = await tempDir();
  await checkout(folder.path, { lock });
  const npm = path.join(folder.path, "bin", "npm");
  // Fails if another one is at work; leaves what a real install leaves.
  const record = path.join(folder.path, "node_modules", ".package-lock.json");
  const script = `#!/bin/sh
mkdir "${folder.path}/at-work" || exit 1
echo "$@" >> "${folder.path}/npm-calls"
mkdir -p "${folder.path}/node_modules" && cp "${folder.path}/package-lock.json" "${record}"
rmdir "${folder.path}/at-work"
`;
  await writeFile(npm, script, { mode: 0o755 });
  await Promise.all([runInstall(folder.path), runInstall(folder.path), runInstall(folder.path)]);
  expect(await npmCalls(folder.path)).toHaveLength(1);
});
