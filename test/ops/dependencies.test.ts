import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";

const root = path.resolve(import.meta.dirname, "../..");

const Versions = z.record(z.string(), z.string()).default({});
const Manifest = z.object({
  dependencies: Versions,
  devDependencies: Versions,
  optionalDependencies: Versions,
  peerDependencies: Versions,
  overrides: Versions,
  scripts: Versions,
});
const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ resolved: z.string().optional(), integrity: z.string().optional(), link: z.boolean().optional() }),
  ),
});

const manifests = [
  "package.json",
  ...["libs", "services"].flatMap((folder) =>
    readdirSync(path.join(root, folder)).map((name) => `${folder}/${name}/package.json`),
  ),
].filter((file) => existsSync(path.join(root, file)));

function read(file: string): z.infer<typeof Manifest> {
  return Manifest.parse(JSON.parse(readFileSync(path.join(root, file), "utf8")));
}

/** One version, also behind another name; nothing from a git host, a folder or an address. */
const exact = /^(npm:[^ ]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/;

it.each(manifests)("%s names one exact version of each package", (file) => {
  // What a program that uses a library brings itself is of many versions.
  const { scripts: _scripts, peerDependencies: _theirs, ...kinds } = read(file);
  const named = Object.values(kinds).flatMap((versions) => Object.entries(versions));
  expect(named.filter(([, version]) => !exact.test(version))).toEqual([]);
});

it.each(manifests)("%s has no script that runs by itself when it is installed", (file) => {
  const names = Object.keys(read(file).scripts);
  expect(names.filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
});

it("the lock knows the content of every package, and each comes from a registry", () => {
  const { packages } = Lock.parse(JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")));
  const foreign = Object.entries(packages).filter(([place, { link, resolved, integrity }]) => {
    if (!place.includes("node_modules/") || link === true) return false;
    return integrity?.startsWith("sha512-") !== true || /^(git|file|github)/.test(resolved ?? "");
  });
  expect(foreign.map(([place]) => place)).toEqual([]);
});

it("packages run nothing of their own while they are installed", () => {
  const lines = readFileSync(path.join(root, ".npmrc"), "utf8").split("\n");
  expect(lines).toEqual(expect.arrayContaining(["ignore-scripts=true", "save-exact=true"]));
});
