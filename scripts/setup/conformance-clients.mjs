import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { run } from "./commands.mjs";
import { root } from "./paths.mjs";
import { phase } from "./progress.mjs";

const INSTALL_DEADLINE_MS = 5 * 60_000;

/** npm projects of their own: what is in them no part of Parley needs, and it is twice as much as all that Parley needs. */
const projects = {
  clients: path.join(root, "test", "conformance", "clients"),
  pages: path.join(root, "test", "conformance", "pages"),
};

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** Whether the packages that are named in package.json are there in the versions of the lock. */
function isInstalled(folder) {
  const wanted = packagesIn(path.join(folder, "package-lock.json"));
  const found = packagesIn(path.join(folder, "node_modules", ".package-lock.json"));
  if (wanted === undefined || found === undefined) return false;
  return Object.keys(wanted[""].dependencies).every((name) => {
    const place = `node_modules/${name}`;
    return found[place]?.version === wanted[place].version;
  });
}

/**
 * Not `npm ci`: that refuses locks that lack the optional packages of other systems, and of some packages here npm writes no other. What is installed is what the
 * lock says all the same, each package held against its hash; and none of their scripts is run.
 */
async function install(folder, signal) {
  const args = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { code } = await run(npm, args, { cwd: folder, timeoutMs: INSTALL_DEADLINE_MS, signal });
  return code === 0 && isInstalled(folder);
}

/** Installs clients and pages of others, in the versions of the conformance table. Where they cannot be had their tests are skipped, and say so. */
export async function offerConformanceClients({ signal, what = ["clients", "pages"] }) {
  for (const name of what) {
    const folder = projects[name];
    await phase(`others' ${name}`, async (note) => {
      if (isInstalled(folder)) return { text: "up to date" };
      note("installing");
      const done = await install(folder, signal).catch(() => false);
      // Half of them are taken for all by the tests, which would fail.
      if (!done) rmSync(path.join(folder, "node_modules"), { recursive: true, force: true });
      return { text: done ? "installed" : "NOT INSTALLED (npm could not): their tests are skipped" };
    });
  }
}
