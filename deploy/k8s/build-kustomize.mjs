import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findProgram, run } from "../../scripts/setup/commands.mjs";
import { root } from "../../scripts/setup/paths.mjs";

// Builds kustomize with Go into .tools, for rendering the overlays where neither it nor kubectl is installed. A module of its own, because
// `go install` of a version refuses a command whose module says more than its own requirements.

const VERSION = "v5.7.1";
const COMMAND = "sigs.k8s.io/kustomize/kustomize/v5";
const DEADLINE_MS = 15 * 60_000;
const GO_MOD = `module tools\n\ngo 1.24\n\nrequire ${COMMAND} ${VERSION}\n`;
const TOOLS_GO = `//go:build tools\n\npackage tools\n\nimport _ "${COMMAND}"\n`;

async function build(go, folder, signal) {
  const target = path.join(root, ".tools", "kustomize");
  writeFileSync(path.join(folder, "go.mod"), GO_MOD);
  writeFileSync(path.join(folder, "tools.go"), TOOLS_GO);
  mkdirSync(path.dirname(target), { recursive: true });
  const options = {
    cwd: folder,
    env: { ...process.env, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" },
    timeoutMs: DEADLINE_MS,
    signal,
  };
  for (const args of [
    ["mod", "tidy"],
    ["build", "-trimpath", "-ldflags", "-s -w", "-o", target, COMMAND],
  ]) {
    const { code, output } = await run(go, args, options);
    if (code !== 0) return `go ${args[0]} failed: ${output.trimEnd().split("\n").at(-1)}`;
  }
  return undefined;
}

async function main(signal) {
  const go = findProgram(["go", "/usr/local/go/bin/go"]);
  if (go === undefined) return "There is no Go here: install it, or kubectl, which brings kustomize.";
  const folder = mkdtempSync(path.join(tmpdir(), "parley-kustomize-"));
  try {
    return await build(go, folder, signal);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const problem = await main(AbortSignal.timeout(DEADLINE_MS));
if (problem === undefined) process.stdout.write(`.tools/kustomize is ${VERSION}\n`);
else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
