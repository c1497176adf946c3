import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { run } from "../setup/commands.mjs";
import { root, tool } from "../setup/paths.mjs";
import { phase } from "../setup/progress.mjs";
import { SetupError } from "../setup/setup-error.mjs";

const GIT_DEADLINE_MS = 60_000;
const INSTALL_DEADLINE_MS = 10 * 60_000;
const BUILD_DEADLINE_MS = 5 * 60_000;
const OWN_SCOPE = "@parley";

async function must(command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code === 0) return output.trim();
  throw new SetupError(`\`${path.basename(command)} ${args.join(" ")}\` failed: ${output.trim().split("\n").at(-1)}.`);
}

function git(...args) {
  return must("git", args, { cwd: root, timeoutMs: GIT_DEADLINE_MS });
}

/** The short name of a commit. */
export function readRevision(revision) {
  return git("rev-parse", "--short", "--verify", "--end-of-options", `${revision}^{commit}`);
}

/** Puts a built copy of that commit into `place`, beside this checkout and without touching it. */
export async function checkOut(revision, place, { signal }) {
  await phase(revision, async (note) => {
    note("checking out");
    await git("worktree", "add", "--detach", "--force", place, revision);
    const linked = hasSamePackages(place);
    if (linked) linkPackages(place);
    else {
      note("installing its packages");
      await must(process.execPath, ["scripts/install.mjs"], { cwd: place, timeoutMs: INSTALL_DEADLINE_MS, signal });
    }
    note("building");
    const tsc = path.join(place, "node_modules/typescript/bin/tsc");
    await must(process.execPath, [tsc, "-b"], { cwd: place, timeoutMs: BUILD_DEADLINE_MS, signal });
    return { text: linked ? "built, with the packages of this checkout" : "built" };
  });
}

export async function removeCheckOut(place) {
  if (existsSync(place)) await git("worktree", "remove", "--force", place);
}

function readLock(file) {
  return JSON.parse(readFileSync(file, "utf8")).packages;
}

/** Whether all that it needs is installed here, in the same versions. */
function hasSamePackages(place) {
  const installed = readLock(tool(".package-lock.json"));
  return Object.entries(readLock(path.join(place, "package-lock.json")))
    .filter(([name, wanted]) => name.startsWith("node_modules/") && wanted.link !== true && wanted.optional !== true)
    .every(([name, { version }]) => installed[name]?.version === version);
}

/** Everything but our own packages, which must be those of the copy. */
function linkPackages(place) {
  const modules = path.join(place, "node_modules");
  mkdirSync(path.join(modules, OWN_SCOPE), { recursive: true });
  for (const name of readdirSync(tool())) {
    if (name !== OWN_SCOPE && name !== ".cache") symlinkSync(tool(name), path.join(modules, name));
  }
  for (const folder of ["libs", "services"]) {
    for (const name of readdirSync(path.join(place, folder))) {
      symlinkSync(path.join(place, folder, name), path.join(modules, OWN_SCOPE, name));
    }
  }
}
