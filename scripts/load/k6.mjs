import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { findProgram, run } from "../setup/commands.mjs";
import { root } from "../setup/paths.mjs";
import { phase } from "../setup/progress.mjs";
import { SetupError } from "../setup/setup-error.mjs";

const VERSION = "2.2.0";
const CHECK_DEADLINE_MS = 10_000;
const BUILD_DEADLINE_MS = 15 * 60_000;
const PULL_DEADLINE_MS = 10 * 60_000;
const IMAGE = `grafana/k6:${VERSION}`;
const own = path.join(root, ".tools", process.platform === "win32" ? "k6.exe" : "k6");

const ADVICE = `The load tests need k6 2: install it (https://grafana.com/docs/k6/latest/set-up/install-k6/) or Go 1.25 (https://go.dev/dl), and run the command again.`;

/** A k6 of version 2, as a path: on the PATH, or the one built here before. */
async function findInstalled(signal) {
  for (const program of [findProgram(["k6"]), findProgram([own])]) {
    if (program === undefined) continue;
    const { code, output } = await run(program, ["version"], { timeoutMs: CHECK_DEADLINE_MS, signal });
    if (code === 0 && /\bv2\.\d+\.\d+/.test(output)) return program;
  }
  return undefined;
}

/**
 * Builds k6 into .tools. Not `go install k6@version`: a proxy that serves modules but no lists of them refuses that; a
 * module of our own that requires k6 gets by with the modules.
 */
async function build(go, { note, signal }) {
  note(`building k6 ${VERSION} with Go; this takes some minutes, once`);
  const folder = await mkdtemp(path.join(tmpdir(), "parley-k6-"));
  try {
    await writeFile(path.join(folder, "go.mod"), `module k6build\n\ngo 1.25.0\n\nrequire go.k6.io/k6/v2 v${VERSION}\n`);
    await writeFile(path.join(folder, "tools.go"), `//go:build tools\n\npackage tools\n\nimport _ "go.k6.io/k6/v2"\n`);
    const built = path.join(folder, "k6");
    const { code, output } = await run(go, ["build", "-o", built, "go.k6.io/k6/v2"], {
      cwd: folder,
      env: { ...process.env, GOFLAGS: "-mod=mod" },
      timeoutMs: BUILD_DEADLINE_MS,
      signal,
    });
    if (code !== 0) return output.trimEnd().split("\n").at(-1) ?? "it did not say why";
    await mkdir(path.dirname(own), { recursive: true });
    await rename(built, own).catch(async () => {
      // Another file system.
      await run("cp", [built, own], { signal });
    });
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** k6 in a container that shares our network and the files it has to read and write. */
function containerCommand(docker) {
  const folders = [root, tmpdir()].flatMap((folder) => ["-v", `${folder}:${folder}`]);
  const user = process.getuid === undefined ? [] : ["--user", `${process.getuid()}:${process.getgid()}`];
  return [docker, "run", "--rm", "--network", "host", ...user, ...folders, IMAGE];
}

async function findContainer({ note, signal }) {
  const docker = findProgram(["docker"]);
  if (docker === undefined) return undefined;
  const { code } = await run(docker, ["info"], { timeoutMs: CHECK_DEADLINE_MS, signal });
  if (code !== 0) return undefined;
  note(`docker pull ${IMAGE}`);
  const pulled = await run(docker, ["pull", IMAGE], { timeoutMs: PULL_DEADLINE_MS, signal });
  return pulled.code === 0 ? containerCommand(docker) : undefined;
}

/** The command that runs k6 2, as a list of words. Undefined: there is none here, and nothing to get it with. */
export async function ensureK6({ signal }) {
  return phase("k6", async (note) => {
    const installed = await findInstalled(signal);
    if (installed !== undefined) return { text: installed, value: [installed] };
    const go = findProgram(["go", "/usr/local/go/bin/go"]);
    const problem = go === undefined ? undefined : await build(go, { note, signal });
    if (go !== undefined && problem === undefined) return { text: `built ${own}`, value: [own] };
    const container = await findContainer({ note, signal });
    if (container !== undefined) return { text: IMAGE, value: container };
    if (problem !== undefined) throw new SetupError(`Go could not build k6 (${problem}). ${ADVICE}`);
    return { text: "not found", value: undefined };
  });
}

export function noK6() {
  return new SetupError(ADVICE);
}
