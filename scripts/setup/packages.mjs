import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "./commands.mjs";
import { root, tool } from "./paths.mjs";
import { phase } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";

const INSTALL_DEADLINE_MS = 10 * 60_000;

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Whether what npm installed is what the lock asks for. npm keeps its own record in node_modules; comparing the two also
 * notices a `git checkout` to another lock and back, which a stamp of ours would not. Optional packages are left out:
 * which of them are there depends on the system.
 */
function isInstalled(lock, installed) {
  if (lock === undefined || installed === undefined) return false;
  return Object.entries(lock.packages)
    .filter(([name, wanted]) => name.includes("node_modules/") && wanted.optional !== true)
    .every(([name, wanted]) => {
      const found = installed.packages[name];
      return found !== undefined && found.version === wanted.version && found.integrity === wanted.integrity;
    });
}

/** What npm itself writes down of what it has installed. */
const installedFile = tool(".package-lock.json");

/** The system for which packages were installed: their binaries are of no use to another one that shares the folder. */
const here = `${process.platform}-${process.arch}`;
const systemFile = tool(".parley-system");

function isForThisSystem() {
  return !existsSync(systemFile) || readFileSync(systemFile, "utf8") === here;
}

/** The first thing npm says that is a sentence: before it come lines such as "code ENOTFOUND". */
function npmReason(output) {
  const said = output.split("\n").map((line) => /^npm (?:error|ERR!)\s+(.*)$/.exec(line)?.[1] ?? "");
  return said.find((line) => line.split(" ").length > 2) ?? said.find((line) => line !== "") ?? "npm did not say why";
}

// NODE_ENV=production would make npm leave out the compiler.
const common = ["--no-audit", "--no-fund", "--include=dev"];

function npm(args, signal) {
  const command = process.platform === "win32" ? "npm.cmd" : "npm";
  return run(command, [...args, ...common], { cwd: root, timeoutMs: INSTALL_DEADLINE_MS, signal });
}

/**
 * `npm ci`, and where that refuses the lock, `npm install --no-save`, which leaves the lock as it is too. It refuses when a
 * registry lacks the optional packages of other systems (a mirror often does): they are then missing in locks made there.
 */
async function install(note, signal) {
  note("installing with npm ci");
  const clean = await npm(["ci"], signal);
  if (clean.code === 0 || !clean.output.includes("EUSAGE")) return clean;
  note("npm ci refuses the lock; installing with npm install --no-save");
  return npm(["install", "--no-save"], signal);
}

/** Installs the packages when they are missing or are not those of package-lock.json. */
export async function ensurePackages({ signal }) {
  await phase("packages", async (note) => {
    const lock = readJson(path.join(root, "package-lock.json"));
    if (isInstalled(lock, readJson(installedFile)) && isForThisSystem()) return { text: "up to date" };
    const { code, output } = await install(note, signal);
    if (code !== 0) {
      const reason = npmReason(output).replace(/\.$/, "");
      throw new SetupError(`npm could not install the packages (${reason}): \`npm ci\` shows more.`);
    }
    writeFileSync(systemFile, here);
    return { text: `installed ${Object.keys(readJson(installedFile)?.packages ?? {}).length} packages` };
  });
}
