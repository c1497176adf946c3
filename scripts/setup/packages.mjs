import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { npmCi } from "./npm.mjs";
import { root, tool } from "./paths.mjs";
import { phase } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Whether what npm installed is what the lock asks for. npm keeps its own record in node_modules; comparing the two also
 * notices a `git checkout` to another lock and back, which a stamp of ours would not. Of the optional packages those of this
 * system count: npm goes on without one that it could not fetch, and then there is no compiler.
 */
function isInstalled(lock, installed) {
  if (lock === undefined || installed === undefined) return false;
  return Object.entries(lock.packages)
    .filter(([name, wanted]) => name.includes("node_modules/") && isWantedHere(wanted))
    .every(([name, wanted]) => {
      const found = installed.packages[name];
      return found !== undefined && found.version === wanted.version && found.integrity === wanted.integrity;
    });
}

const isGlibc = process.report.getReport().header.glibcVersionRuntime !== undefined;

/** `os`, `cpu` and `libc` as npm reads them: lists of names, or of names that are excluded. */
function isWantedHere({ optional, os, cpu, libc }) {
  if (optional !== true) return true;
  const allows = (list, value) =>
    list === undefined ||
    list.includes(value) ||
    (list.every((name) => name.startsWith("!")) && !list.includes(`!${value}`));
  const isNamed = os !== undefined && cpu !== undefined;
  return (
    isNamed && allows(os, process.platform) && allows(cpu, process.arch) && allows(libc, isGlibc ? "glibc" : "musl")
  );
}

/** What npm itself writes down of what it has installed. */
const installedFile = tool(".package-lock.json");

/** The system for which packages were installed: their binaries are of no use to another one that shares the folder. */
const here = `${process.platform}-${process.arch}`;
const systemFile = tool(".parley-system");

function isForThisSystem() {
  return !existsSync(systemFile) || readFileSync(systemFile, "utf8") === here;
}

/** Installs the packages when they are missing or are not those of package-lock.json. */
export async function ensurePackages({ signal }) {
  await phase("packages", async (note) => {
    const lock = readJson(path.join(root, "package-lock.json"));
    if (isInstalled(lock, readJson(installedFile)) && isForThisSystem()) return { text: "up to date" };
    note("installing with npm ci");
    const problem = await npmCi({ cwd: root, signal });
    if (problem !== undefined) {
      throw new SetupError(`npm could not install the packages (${problem}): \`npm ci\` shows more.`);
    }
    writeFileSync(systemFile, here);
    return { text: `installed ${Object.keys(readJson(installedFile)?.packages ?? {}).length} packages` };
  });
}
