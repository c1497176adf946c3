import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const tools = path.resolve(import.meta.dirname, "../../../.tools/peers");
const installDeadlineMs = 300_000;

/** Where a peer's programs and packages are, outside of the product's own. */
export const folderOf = (peer: string): string => path.join(tools, peer);

/** Copies a peer's sources, and installs its packages when the list of them is another one than last time. */
async function install(peer: string, list: string, add: (folder: string) => Promise<void>): Promise<void> {
  const folder = folderOf(peer);
  const source = path.join(import.meta.dirname, peer);
  const stamp = path.join(folder, "installed");
  const hash = createHash("sha256")
    .update(await readFile(path.join(source, list)))
    .digest("hex");
  const known = await readFile(stamp, "utf8").catch(() => "");
  if (known !== hash) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp(source, folder, { recursive: true });
  if (known === hash) return;
  await add(folder);
  await writeFile(stamp, hash);
}

/** Its packages are fixed by a lock file of its own. */
export async function installNodePeer(peer: string): Promise<void> {
  await install(peer, "package-lock.json", async (cwd) => {
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    await run(npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd, timeout: installDeadlineMs });
  });
}

export const pythonOf = (peer: string): string => path.join(folderOf(peer), "venv/bin/python");

/** Returns a sentence when there is no Python that can make itself an environment. */
export async function installPythonPeer(peer: string): Promise<string | undefined> {
  try {
    await run("python3", ["-c", "import venv, ensurepip"]);
  } catch {
    return `${peer} was not measured: there is no python3 with venv here.`;
  }
  try {
    await install(peer, "requirements.txt", async (cwd) => {
      await run("python3", ["-m", "venv", "venv"], { cwd, timeout: installDeadlineMs });
      const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "-r", "requirements.txt"];
      await run(pythonOf(peer), pip, { cwd, timeout: installDeadlineMs });
    });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? "") : String(error);
    return `${peer} was not measured: its packages could not be installed (${reason}).`;
  }
  return undefined;
}
