import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { tempDir } from "@parley/testkit";
import { expect, it } from "vitest";

const script = path.resolve(import.meta.dirname, "../../scripts/licenses.mjs");

async function licenses(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args]);
  return stdout;
}

/** What the script says of a project with one package. */
async function licensesOf(locked: object): Promise<string> {
  await using folder = await tempDir();
  await mkdir(path.join(folder.path, "docs"));
  const lock = { packages: { "": {}, "node_modules/one": { version: "1.0.0", ...locked } } };
  await writeFile(path.join(folder.path, "package-lock.json"), JSON.stringify(lock));
  return await licenses("--root", folder.path).catch((error: unknown) => String(Object(error).stdout));
}

it("docs/licenses.md lists the packages of the lock, and each licence is allowed", async () => {
  expect(await licenses("--check")).toContain("Every package has a licence that is allowed");
});

it("refuses a licence that is not allowed, or not known", async () => {
  expect(await licensesOf({ license: "MIT" })).toContain("Every package");
  expect(await licensesOf({ license: "(GPL-3.0 OR MIT)" })).toContain("Every package");
  expect(await licensesOf({ license: "GPL-3.0" })).toContain("one 1.0.0: GPL-3.0 is not on the list");
  expect(await licensesOf({ license: "MIT AND GPL-3.0" })).toContain("is not on the list");
  expect(await licensesOf({})).toContain("no licence that a machine can read");
});

it("lets tools have what may not be shipped", async () => {
  expect(await licensesOf({ license: "MPL-2.0" })).toContain("is not on the list");
  expect(await licensesOf({ license: "MPL-2.0", dev: true })).toContain("Every package");
});
